/**
 * A process that commits again and again and reports each commit that resolved, to be killed or starved by
 * tests. Arguments: the database's path, bytes of a body.
 *
 * @module
 */
import { CipherMqError } from "../../lib/base/errors.ts";
import type { Change } from "../../lib/core/effect.ts";
import { SqliteStore } from "../../lib/store/sqlite_store.ts";
import { WorkerDatabase } from "../../lib/store/worker_database.ts";
import { enqueued, headOf, moved, removed, returned } from "../contracts/store_model.ts";
import { AES_KEY } from "./database_folder.ts";

/** The lanes that every commit adds a message to; the queue of the third is deleted now and then. */
export const LANES = [
  { queue: "q", receiver: "r_1" },
  { queue: "q", receiver: "r_2" },
  { queue: "deleted", receiver: "r_1" },
] as const;
/** Where messages of the second lane move to. */
export const DEAD_LANE = { queue: "q.dead", receiver: "r_2" } as const;
/** A message of the first lane is removed so many commits after its own. */
export const REMOVED_AFTER = 3;
/** Every so many messages of the second lane one moves, so many commits after its own. */
export const MOVED_EVERY = 5;
/** Every so many commits the queue of the third lane is deleted, with what came just then. */
export const DELETED_EVERY = 10;

/** Far more than a test needs: a process that nobody stops must not run for ever. */
const MOST_COMMITS = 5_000;

/** The changes of one commit: a message in each lane and, of older ones, a removal, a return and a move. */
export function changesOf(commit: number, size: number): Change[] {
  const changes: Change[] = [
    { kind: "queue_declared", queue: LANES[2].queue, options: {} },
    ...LANES.map((lane) => enqueued(lane, commit, size)),
  ];
  if (commit >= REMOVED_AFTER) changes.push(removed(LANES[0], commit - REMOVED_AFTER));
  if (commit > 0) changes.push(returned(LANES[1], commit - 1, 1));
  const old = commit - MOVED_EVERY;
  if (old >= 0 && old % MOVED_EVERY === 0) {
    changes.push(moved(headOf(LANES[1], old, size), DEAD_LANE, old / MOVED_EVERY));
  }
  if (commit % DELETED_EVERY === DELETED_EVERY - 1) {
    changes.push({ kind: "queue_deleted", queue: LANES[2].queue });
  }
  return changes;
}

/** Tells a line to whoever runs the process. */
export function report(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));
}

function textOf(error: unknown): string {
  return error instanceof CipherMqError ? `${error.code}: ${error.message}` : String(error);
}

async function run(path: string, size: number): Promise<void> {
  const options = { path, aesKey: AES_KEY, cacheBytes: 0 };
  const store = await SqliteStore.open(options, WorkerDatabase.open);
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
  await store.close();
}

if (import.meta.main) await run(Deno.args[0]!, Number(Deno.args[1]));
