/**
 * Receivers of library users: with a transaction of their own, as the example of `sink.ts` has it, or
 * with a function and the durable inbox.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { envelopeText } from "../../lib/base/envelope.ts";
import { DurableInbox } from "../../lib/client/durable_inbox.ts";
import { Receiver } from "../../lib/client/receiver.ts";
import { HandlerSink, type MessageSink, type OpenedMessage } from "../../lib/client/sink.ts";
import { EnvelopeSealer } from "../../lib/crypto/envelope.ts";
import { generateKeyPair } from "../../lib/crypto/key_pair.ts";
import { ScriptedBroker } from "./scripted_broker.ts";

const pair = generateKeyPair();
const TEXTS = Array.from({ length: 50 }, (_, n) => String(n));

/** A user's table: message and key in one transaction. */
class OrderTable implements MessageSink {
  readonly #db: DatabaseSync;
  /** Fails in the middle of a transaction that has this text. */
  failAt: string | undefined;

  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec("CREATE TABLE IF NOT EXISTS orders(key TEXT PRIMARY KEY, text TEXT) STRICT");
  }

  get texts(): unknown[] {
    return this.#db.prepare("SELECT text FROM orders ORDER BY rowid").all().map(({ text }) => text);
  }

  has(key: string): boolean {
    return this.#db.prepare("SELECT 1 FROM orders WHERE key = ?").get(key) !== undefined;
  }

  accept(messages: readonly OpenedMessage[]): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const insert = this.#db.prepare("INSERT INTO orders(key, text) VALUES(?, ?)");
      for (const { key, text } of messages) {
        if (text === this.failAt) throw new Error("no such customer");
        insert.run(key, text);
      }
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.#db.close();
  }
}

async function withBroker(
  test: (broker: ScriptedBroker, folder: string) => Promise<void>,
): Promise<void> {
  const broker = await ScriptedBroker.start();
  const folder = Deno.makeTempDirSync();
  broker.bindQueue("r");
  const sealer = new EnvelopeSealer({ receiver: "r", publicKey: pair.publicKey });
  for (const text of TEXTS) {
    broker.queues.get("r")!.push({ id: text, json: envelopeText(sealer.seal(text, text)) });
  }
  try {
    await test(broker, folder);
  } finally {
    await broker.stop();
    Deno.removeSync(folder, { recursive: true });
  }
}

async function start(broker: ScriptedBroker, sink: MessageSink): Promise<Receiver> {
  return await Receiver.start({
    connection: await broker.clientOptions("r"),
    identity: "r",
    privateKey: pair.privateKey,
    sink,
    maxBatch: 8,
    backoff: { firstMs: 5, maxMs: 20 },
  });
}

Deno.test("with a transaction of one's own each message is stored once, whatever fails between store and ack", async () => {
  await withBroker(async (broker, folder) => {
    const failing = new OrderTable(`${folder}/orders.db`);
    failing.failAt = "20";
    const first = await start(broker, failing);
    await assert.rejects(first.done, /no such customer/);
    // Its batch was rolled back as a whole, and nothing of it was acknowledged.
    assert.deepEqual(broker.acked, TEXTS.slice(0, 16));
    await broker.until(() => broker.queues.get("r")!.length === 34);
    // Stored, and the ack lost: it comes again.
    let lost = 0;
    broker.intercept = (line) => {
      if (!line.startsWith("ack") || lost++ >= 5) return undefined;
      if (lost === 5) broker.cut();
      return false;
    };
    const orders = new OrderTable(`${folder}/orders.db`);
    const second = await start(broker, orders);
    await broker.until(() => new Set(broker.acked).size === TEXTS.length);
    assert.deepEqual(orders.texts, TEXTS);
    await second.close();
    assert.ok(second.counts.duplicates > 0);
  });
});

Deno.test("a function with the durable inbox is called once for each message, also after a restart", async () => {
  await withBroker(async (broker, folder) => {
    const handled: string[] = [];
    const handle = (messages: readonly OpenedMessage[]) => {
      for (const { text } of messages) handled.push(text);
    };
    const sink = () => new HandlerSink(handle, new DurableInbox(`${folder}/inbox.db`));
    broker.intercept = (line) => line.startsWith("ack") ? false : undefined;
    const connection = { ...await broker.clientOptions("r"), replyTimeoutMs: 50 };
    const options = { connection, identity: "r", privateKey: pair.privateKey };
    const first = await Receiver.start({ ...options, sink: sink(), maxMessages: TEXTS.length });
    await first.done;
    await broker.until(() => broker.queues.get("r")!.length === TEXTS.length);
    broker.intercept = () => undefined;
    const second = await start(broker, sink());
    await broker.until(() => broker.acked.length === TEXTS.length);
    await second.close();
    assert.deepEqual(handled, TEXTS);
    assert.equal(second.counts.duplicates, TEXTS.length);
  });
});

Deno.test("keys are told apart after a NUL character, in a column of text too", () => {
  const orders = new OrderTable(":memory:");
  orders.accept([{ id: "a", text: "a", key: "x\0a" }, { id: "b", text: "b", key: "x\0b" }]);
  assert.ok(orders.has("x\0a") && orders.has("x\0b") && !orders.has("x\0c") && !orders.has("x"));
  orders.close();
});
