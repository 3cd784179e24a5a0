/**
 * The database on a thread of its own keeps the contract of every database, and its thread's death is a
 * failure and not a hang.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { CipherMqError } from "../../lib/base/errors.ts";
import { sealCheck } from "../../lib/store/key_check.ts";
import { KeyVault } from "../../lib/store/key_vault.ts";
import type { Answer, Request } from "../../lib/store/database_worker.ts";
import { WorkerDatabase } from "../../lib/store/worker_database.ts";
import { databaseContract } from "../contracts/database_contract.ts";
import { enqueued } from "../contracts/store_model.ts";
import { AES_KEY, DatabaseFolder, failure } from "./database_folder.ts";

databaseContract("a database on another thread", WorkerDatabase.open);

/** Opens a database whose thread is made by `worker`. */
async function openOn(worker: typeof Worker, path: string): Promise<WorkerDatabase> {
  const real = globalThis.Worker;
  globalThis.Worker = worker;
  try {
    return await WorkerDatabase.open({ path, check: sealCheck(new KeyVault(AES_KEY)) });
  } finally {
    globalThis.Worker = real;
  }
}

/** Opens a database whose thread runs `dying_worker.ts`. */
function openDying(path: string): Promise<WorkerDatabase> {
  class DyingWorker extends Worker {
    constructor(_script: string | URL, options?: WorkerOptions) {
      super(new URL("dying_worker.ts", import.meta.url), options);
    }
  }
  return openOn(DyingWorker, path);
}

/** A thread that answers when it is told to. */
class ScriptedWorker {
  static last: ScriptedWorker;
  onmessage = (_event: { data: Answer }) => {};
  onerror = (_event: { message: string; preventDefault: () => void }) => {};
  onmessageerror = () => {};

  constructor() {
    ScriptedWorker.last = this;
  }

  postMessage([what]: Request): void {
    if (what === "open") queueMicrotask(() => this.answer());
  }

  answer(): void {
    this.onmessage({ data: { result: undefined } });
  }

  terminate(): void {}
}

Deno.test("a thread that dies fails what waits and all that comes, by name, and frees the file", async () => {
  using box = new DatabaseFolder();
  const database = await openDying(box.path);
  const died = failure("storage", /the thread of the database .*broker\.db ended: .*just happened/);
  await assert.rejects(database.query("lastBatch"), died);
  await assert.rejects(database.query("queues"), (error: CipherMqError) => {
    assert.match(error.hint ?? "", /start the broker again/);
    return died(error);
  });
  await database.endBackup();
  await database.close();
  const again = await box.open(0, AES_KEY, WorkerDatabase.open);
  await again.close();
});

Deno.test("what a thread had said may come after the news of its death, and changes nothing", async () => {
  const database = await openOn(ScriptedWorker as unknown as typeof Worker, "broker.db");
  const worker = ScriptedWorker.last;
  const query = assert.rejects(database.query("lastBatch"), failure("storage", /ended: gone/));
  worker.onerror({ message: "gone", preventDefault: () => {} });
  worker.answer();
  await query;
  await database.close();
});

Deno.test("a store whose thread died between two calls refuses the next, and can be closed", async () => {
  using box = new DatabaseFolder();
  let database: WorkerDatabase | undefined;
  const store = await box.open(0, AES_KEY, async ({ path }) => database = await openDying(path));
  await store.messages().next();
  const died = failure("storage", /the thread of the database/);
  await assert.rejects(database!.query("lastBatch"), died);
  await assert.rejects(store.commit([enqueued({ queue: "q", receiver: "r" }, 0, 5)], 1), died);
  await assert.rejects(store.load(), died);
  await store.close();
});

Deno.test("a thread that waits for the disk holds up nobody else", async () => {
  using box = new DatabaseFolder();
  const store = await box.open(0, AES_KEY, WorkerDatabase.open);
  await store.load();
  const lane = { queue: "q", receiver: "r" };
  const messages = Array.from({ length: 64 }, (_, seq) => enqueued(lane, seq, 1_000_000));
  let ended = false;
  const commit = store.commit(messages, 1).finally(() => ended = true);
  let turns = 0;
  for (; !ended; turns++) await new Promise((resolve) => setImmediate(resolve));
  await commit;
  assert.ok(turns > 5, `${turns} turns of the event loop during a commit of 64 MB`);
  await store.close();
});
