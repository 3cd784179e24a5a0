/**
 * A process that commits again and again and reports each commit that resolved, to be killed or starved by
 * tests. Arguments: the database's path, bytes of a body.
 *
 * @module
 */
import { CipherMqError } from "../../lib/base/errors.ts";
import type { Change } from "../../lib/core/effect.ts";
import { SqliteStore } from "../../lib/store/sqlite_store.ts";
import { enqueued, removed, returned } from "../contracts/store_model.ts";
import { AES_KEY } from "./database_folder.ts";

/** The lanes that every commit changes. */
export const LANES = [{ queue: "q", receiver: "r_1" }, { queue: "q", receiver: "r_2" }] as const;
/** A message of the first lane is removed so many commits after its own. */
export const REMOVED_AFTER = 3;

/** Far more than a test needs: a process that nobody stops must not run for ever. */
const MOST_COMMITS = 5_000;

/** The changes of one commit: a message in each lane, a removal in one, a return in the other. */
function changesOf(commit: number, size: number): Change[] {
  const changes: Change[] = LANES.map((lane) => enqueued(lane, commit, size));
  if (commit >= REMOVED_AFTER) changes.push(removed(LANES[0], commit - REMOVED_AFTER));
  if (commit > 0) changes.push(returned(LANES[1], commit - 1, 1));
  return changes;
}

function report(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

function textOf(error: unknown): string {
  return error instanceof CipherMqError ? `${error.code}: ${error.message}` : String(error);
}

async function run(path: string, size: number): Promise<void> {
  const store = SqliteStore.open({ path, aesKey: AES_KEY, cacheBytes: 0 });
  const { lanes } = await store.load();
  let commit = lanes[0]?.nextSeq ?? 0;
  try {
    for (const end = commit + MOST_COMMITS; commit < end; commit++) {
      await store.commit(changesOf(commit, size), commit);
      report(`committed ${commit}`);
    }
  } catch (error) {
    report(`failed ${textOf(error)}`);
  }
  await store.commit([], commit).then(
    () => report("went on"),
    (e) => report(`failed ${textOf(e)}`),
  );
}

if (import.meta.main) await run(Deno.args[0]!, Number(Deno.args[1]));
