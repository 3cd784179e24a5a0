/**
 * A hundred times silent damage to a database: it serves the same, or refuses by name.
 *
 * @module
 */
import assert from "node:assert/strict";
import { AES_KEY, DatabaseFolder } from "../store/database_folder.ts";
import { ProgramTrial } from "./program.ts";
import { type Outcome, put, Trial } from "./trial.ts";

const SEED = 4;
const COUNT = 100;

Deno.test(`${COUNT} damaged databases serve the same or are refused by name`, async () => {
  using box = new DatabaseFolder();
  const trial = await Trial.make({ path: box.path, aesKey: AES_KEY });
  const outcomes = new Map<Outcome, number>();
  for (let i = 0; i < COUNT; i++) {
    const done = trial.damaged(SEED, i);
    try {
      const outcome = await trial.outcomeOf(done);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    } catch (error) {
      assert.fail(
        `damage ${i} of seed ${SEED}, ${done.file || "database"}, ${done.what}: ${error}`,
      );
    }
  }
  assert((outcomes.get("same") ?? 0) > 10 && (outcomes.get("refused") ?? 0) > 10);
});

Deno.test("the program serves a damaged database or ends with what is wrong", async () => {
  await using program = await ProgramTrial.make();
  const outcomes = new Set<Outcome>();
  for (const index of [0, 1, 2, 3]) outcomes.add(await program.run(SEED, index));
  assert(outcomes.has("refused"));
});

Deno.test("a service that never was, and one that lacks commits, are told from the right one", async () => {
  using box = new DatabaseFolder();
  const trial = await Trial.make({ path: box.path, aesKey: AES_KEY });
  const nothing = new Uint8Array(0);
  const ofFile = { file: "", what: "", isCut: false, bytes: nothing } as const;
  put(box.path, trial.files);
  assert.equal(await trial.outcomeOf(ofFile), "same");
  put(box.path, { ...trial.files, "-wal": nothing });
  await assert.rejects(trial.outcomeOf(ofFile), /what was 6 commits before/);
  put(box.path, { "": nothing, "-wal": nothing });
  await assert.rejects(trial.outcomeOf(ofFile), /a service that never was/);
});
