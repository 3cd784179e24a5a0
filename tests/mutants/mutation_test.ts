/** The list of planted bugs stays true to the source: each can be planted, and its suites exist. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { edited, plant } from "./mutation.ts";
import { firstFailure } from "./mutation_run.ts";
import { MUTATIONS } from "./mutations.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

Deno.test("each planted bug has its place in the source, and its suites are there", async () => {
  for (const { bug, edits, suites } of MUTATIONS) {
    const texts = new Map<string, string>();
    for (const edit of edits) {
      const text = texts.get(edit.file) ?? await Deno.readTextFile(ROOT + edit.file);
      texts.set(edit.file, edited(text, edit));
    }
    assert(edits.length > 0 && suites.length > 0, bug);
    for (const suite of suites) await Deno.stat(ROOT + suite);
  }
  assert.equal(new Set(MUTATIONS.map(({ bug }) => bug)).size, MUTATIONS.length);
});

Deno.test("a planted bug is taken out again", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/a.ts`, "one two three");
  const edits = [
    { file: "a.ts", find: "one", replace: "1" },
    { file: "a.ts", find: "three", replace: "3" },
  ];
  const heal = await plant(folder, { bug: "numbers", edits, suites: [] });
  assert.equal(await Deno.readTextFile(`${folder}/a.ts`), "1 two 3");
  await heal();
  assert.equal(await Deno.readTextFile(`${folder}/a.ts`), "one two three");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("an edit whose text is not there once is refused", () => {
  const edit = { file: "a.ts", find: "x", replace: "y" };
  assert.throws(() => edited("a b", edit), /0 places/);
  assert.throws(() => edited("x x", edit), /2 places/);
});

Deno.test("the first failed test is found in what the run said", () => {
  const said = [
    "acks are kept ... FAILED (2ms)",
    "",
    " ERRORS ",
    "",
    "acks are kept => ./tests/core/a_test.ts:3:6",
    "error: AssertionError",
    "",
    "FAILED | 3 passed | 1 failed (5ms)",
  ].join("\n");
  assert.equal(firstFailure(said), "acks are kept");
  assert.equal(firstFailure("error: Uncaught SyntaxError"), undefined);
});
