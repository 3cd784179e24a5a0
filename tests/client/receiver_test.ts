/**
 * The receiver over real TLS, against a broker that fails on demand.
 *
 * @module
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import { envelopeText } from "../../lib/base/envelope.ts";
import { CipherMqError } from "../../lib/base/errors.ts";
import { MemoryInbox } from "../../lib/client/inbox.ts";
import { OutputFile } from "../../lib/client/output_file.ts";
import { Receiver, type ReceiverNotice, type ReceiverOptions } from "../../lib/client/receiver.ts";
import { HandlerSink, type MessageSink, type OpenedMessage } from "../../lib/client/sink.ts";
import { EnvelopeSealer } from "../../lib/crypto/envelope.ts";
import { generateKeyPair } from "../../lib/crypto/key_pair.ts";
import { ScriptedBroker } from "./scripted_broker.ts";

const pair = generateKeyPair();

async function withBroker(test: (broker: ScriptedBroker) => Promise<void>): Promise<void> {
  const broker = await ScriptedBroker.start();
  broker.bindQueue("r");
  try {
    await test(broker);
  } finally {
    await broker.stop();
  }
}

/** Puts sealed messages into the receiver's queue. */
function publish(broker: ScriptedBroker, messages: readonly string[], receiver = "r"): void {
  const sealer = new EnvelopeSealer({ receiver, publicKey: pair.publicKey });
  for (const text of messages) {
    const id = `id-${text}`;
    broker.queues.get("r")!.push({ id, json: envelopeText(sealer.seal(text, id)) });
  }
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, n) => String(n));
}

/** A sink that keeps texts in memory. */
class List implements MessageSink {
  readonly texts: string[] = [];
  readonly #sink = new HandlerSink((messages) => {
    this.accepting?.(messages);
    this.texts.push(...messages.map((one) => one.text));
  }, new MemoryInbox());
  closed = 0;
  accepting: ((messages: readonly OpenedMessage[]) => void) | undefined;

  has(key: string): boolean {
    return this.#sink.has(key);
  }

  accept(messages: readonly OpenedMessage[]): Promise<void> {
    return this.#sink.accept(messages);
  }

  close(): void {
    this.closed++;
  }
}

async function start(
  broker: ScriptedBroker,
  sink: MessageSink,
  options: Partial<ReceiverOptions> = {},
): Promise<Receiver> {
  return await Receiver.start({
    connection: await broker.clientOptions("r"),
    identity: "r",
    privateKey: pair.privateKey,
    sink,
    backoff: { firstMs: 5, maxMs: 20 },
    ...options,
  });
}

Deno.test("a receiver registers, declares, binds and consumes, one command at a time", async () => {
  await withBroker(async (broker) => {
    const sink = new List();
    const receiver = await start(broker, sink, {
      queue: "q",
      exchange: "x",
      routingKey: "k",
      prefetch: 7,
    });
    await receiver.close();
    await receiver.done;
    const [, register, ...rest] = broker.lines;
    assert.match(register!, /^r: register_key r [A-Za-z0-9+/]{43}=$/);
    assert.deepEqual(rest, [
      "r: declare_queue q",
      "r: declare_exchange x",
      "r: bind q x k",
      "r: consume q 7",
    ]);
    assert.equal(sink.closed, 1);
  });
});

Deno.test("messages are handed over in order and acknowledged only after that", async () => {
  await withBroker(async (broker) => {
    publish(broker, numbers(300));
    const sink = new List();
    sink.accepting = (messages) => {
      for (const one of messages) assert.ok(!broker.acked.includes(one.id));
    };
    const receiver = await start(broker, sink, { maxMessages: 300 });
    await receiver.done;
    assert.deepEqual(sink.texts, numbers(300));
    assert.deepEqual(broker.acked, numbers(300).map((n) => `id-${n}`));
    assert.deepEqual(receiver.counts, { received: 300, duplicates: 0, unopened: 0 });
  });
});

Deno.test("it stops after just so many new messages and leaves the others to the broker", async () => {
  await withBroker(async (broker) => {
    publish(broker, numbers(10));
    const sink = new List();
    const receiver = await start(broker, sink, { maxMessages: 4 });
    await receiver.done;
    assert.deepEqual(sink.texts, numbers(4));
    assert.equal(broker.acked.length, 4);
    await broker.until(() => broker.queues.get("r")!.length === 6);
    // What it held and left would count as delivered, and in the end as a dead letter.
    assert.equal(broker.lines.find((line) => line.includes("consume")), "r: consume r 4");
  });
});

Deno.test("a duplicate is dropped and acknowledged again; another message under its id is not one", async () => {
  await withBroker(async (broker) => {
    publish(broker, ["a"]);
    const again = broker.queues.get("r")![0]!;
    broker.queues.get("r")!.push(again);
    publish(broker, ["a", "b"]);
    const sink = new List();
    const receiver = await start(broker, sink, { maxMessages: 3 });
    await receiver.done;
    assert.deepEqual(sink.texts, ["a", "a", "b"]);
    assert.deepEqual(broker.acked, ["id-a", "id-a", "id-a", "id-b"]);
    assert.equal(receiver.counts.duplicates, 1);
  });
});

Deno.test("connections cut at any time lose nothing and double nothing, and what was redelivered is acknowledged", async () => {
  await withBroker(async (broker) => {
    publish(broker, numbers(400));
    const sink = new List();
    let acks = 0;
    broker.intercept = (line) => {
      if (!line.startsWith("ack")) return undefined;
      if (++acks % 60 === 0) queueMicrotask(() => broker.cut());
      // Lost on the way: neither taken nor confirmed.
      return acks % 60 < 5 ? false : undefined;
    };
    const receiver = await start(broker, sink, { maxBatch: 30 });
    await broker.until(() => new Set(broker.acked).size >= 380);
    broker.intercept = () => undefined;
    broker.cut();
    await broker.until(() => new Set(broker.acked).size === 400);
    await receiver.close();
    assert.deepEqual(sink.texts, numbers(400));
    assert.ok(receiver.counts.duplicates > 0);
    assert.deepEqual(broker.queues.get("r"), []);
  });
});

Deno.test("what cannot be opened is reported once, made a dead letter at once, and holds nothing up", async () => {
  await withBroker(async (broker) => {
    const queue = broker.queues.get("r")!;
    const other = new EnvelopeSealer({ receiver: "r", publicKey: generateKeyPair().publicKey });
    queue.push({ id: "foreign-key", json: envelopeText(other.seal("x", "foreign-key")) });
    queue.push({ id: "no-envelope", json: '{"message_id":"no-envelope"}' });
    publish(broker, ["for-another"], "somebody");
    publish(broker, ["good"]);
    const notices: ReceiverNotice[] = [];
    const sink = new List();
    const receiver = await start(broker, sink, { onNotice: (notice) => notices.push(notice) });
    await broker.until(() => broker.acked.length === 1);
    publish(broker, ["last"]);
    broker.cut();
    await broker.until(() => broker.acked.length === 2);
    await receiver.close();
    const unopened = notices.filter((one) => one.kind === "unopened");
    assert.deepEqual(unopened.map((one) => [one.id, one.error.code]), [
      ["foreign-key", "cryptographic"],
      ["no-envelope", "invalid_message"],
      ["id-for-another", "access_denied"],
    ]);
    assert.equal(receiver.counts.unopened, 3);
    assert.deepEqual(sink.texts, ["good", "last"]);
    assert.deepEqual(broker.acked, ["id-good", "id-last"]);
    assert.deepEqual(broker.refused.map((one) => one.split(" ")[0]), [
      ...["foreign-key", "no-envelope", "id-for-another"],
    ]);
    assert.ok(broker.refused.includes("id-for-another the message is addressed to another client"));
    assert.ok(broker.lines.some((line) => line.startsWith("r: nack no-envelope dead ")));
    assert.deepEqual(broker.queues.get("r"), []);
  });
});

Deno.test("a sink that works longer than the ack timeout keeps its messages, also while the receiver closes", async () => {
  await withBroker(async (broker) => {
    publish(broker, numbers(3));
    const entered = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const list = new List();
    const sink: MessageSink = {
      has: (key) => list.has(key),
      accept: async (messages) => {
        entered.resolve();
        await gate.promise;
        await list.accept(messages);
      },
      close: () => list.close(),
    };
    const receiver = await start(broker, sink, { ackTimeoutMs: 60, maxBatch: 2 });
    assert.ok(broker.lines.includes("r: declare_queue r ack_timeout_ms=60"));
    await entered.promise;
    const touches = (n: number) => () => {
      const held = ["id-0", "id-1", "id-2"];
      return held.every((id) =>
        broker.lines.filter((line) => line === `r: touch ${id}`).length >= n
      );
    };
    await broker.until(touches(2));
    const closing = receiver.close();
    await broker.until(touches(5));
    gate.resolve();
    await closing;
    assert.deepEqual(list.texts, numbers(2));
    assert.deepEqual(broker.acked, ["id-0", "id-1"]);
  });
});

Deno.test("a broker that knows neither refusals nor leases is received from all the same", async () => {
  await withBroker(async (broker) => {
    broker.queues.get("r")!.push({ id: "no-envelope", json: "{}" });
    publish(broker, ["good"]);
    broker.intercept = (line) => /^(nack|touch)/.test(line) ? "Unknown command" : undefined;
    const sink = new List();
    const receiver = await start(broker, sink, { ackTimeoutMs: 15 });
    await broker.until(() => broker.acked.length === 1);
    await receiver.close();
    assert.equal(broker.connections, 1);
    assert.deepEqual(sink.texts, ["good"]);
  });
});

Deno.test("a sink that fails stops the receiver, and nothing of its batch is acknowledged", async () => {
  await withBroker(async (broker) => {
    publish(broker, numbers(5));
    const sink = new List();
    sink.accepting = () => {
      throw new CipherMqError("storage", "the disk is gone");
    };
    const receiver = await start(broker, sink);
    await assert.rejects(receiver.done, /the disk is gone/);
    assert.deepEqual(broker.acked, []);
    assert.equal(sink.closed, 1);
  });
});

Deno.test("a refused key or declaration ends the start with the broker's reason", async () => {
  await withBroker(async (broker) => {
    for (
      const [verb, reply, code] of [
        [
          "register_key",
          "Error registering key: 'r' may register a key for itself only",
          "access_denied",
        ],
        [
          "declare_exchange",
          "Error: exchange 'ciphermq' is already declared as fanout",
          "conflict",
        ],
      ] as const
    ) {
      broker.intercept = (line) => line.startsWith(verb) ? reply : undefined;
      const sink = new List();
      await assert.rejects(start(broker, sink), (error) => {
        return error instanceof CipherMqError && error.code === code;
      });
      assert.equal(sink.closed, 1);
    }
  });
});

Deno.test("a receiver finishes the batch at hand when it is closed, and waits for the confirmations", async () => {
  await withBroker(async (broker) => {
    publish(broker, numbers(20));
    const list = new List();
    const entered = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const sink: MessageSink = {
      has: (key) => list.has(key),
      accept: async (messages) => {
        entered.resolve();
        await gate.promise;
        await list.accept(messages);
      },
      close: () => list.close(),
    };
    const receiver = await start(broker, sink, { maxBatch: 5 });
    await entered.promise;
    const closing = receiver.close();
    gate.resolve();
    await closing;
    assert.deepEqual(list.texts, numbers(5));
    assert.equal(broker.acked.length, 5);
  });
});

Deno.test("a receiver that is closed waits for confirmations until the connection is given up", async () => {
  await withBroker(async (broker) => {
    publish(broker, ["a"]);
    broker.intercept = (line) => line.startsWith("ack") ? false : undefined;
    const connection = { ...await broker.clientOptions("r"), replyTimeoutMs: 80 };
    const receiver = await start(broker, new List(), { connection });
    await broker.until(() => broker.lines.at(-1)!.startsWith("r: ack"));
    const before = performance.now();
    await receiver.close();
    assert.ok(performance.now() - before > 50);
  });
});

Deno.test("through the output file and restarts of both sides each message is one line", async () => {
  await withBroker(async (broker) => {
    const folder = Deno.makeTempDirSync();
    try {
      const output = `${folder}/out.jsonl`;
      publish(broker, numbers(100));
      let acks = 0;
      broker.intercept = (line) => line.startsWith("ack") && ++acks % 3 === 0 ? false : undefined;
      for (let run = 1; run <= 5; run++) {
        const receiver = await start(broker, new OutputFile(output), {
          maxMessages: 20,
          connection: { ...await broker.clientOptions("r"), replyTimeoutMs: 40 },
        });
        if (run === 2) broker.cut();
        await receiver.done;
        await broker.until(() => broker.queues.get("r")!.length > 0 || run === 5);
      }
      const lines = fs.readFileSync(output, "utf8").split("\n").slice(0, -1);
      assert.deepEqual(lines.map((line) => JSON.parse(line).message), numbers(100));
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
});
