/**
 * The sender over real TLS, against a broker that fails on demand.
 *
 * @module
 */
import assert from "node:assert/strict";
import { CipherMqError, type ErrorCode } from "../../lib/base/errors.ts";
import { DurableSpool } from "../../lib/client/durable_spool.ts";
import { Sender, type SenderNotice, type SenderOptions } from "../../lib/client/sender.ts";
import { EnvelopeOpener } from "../../lib/crypto/envelope.ts";
import { generateKeyPair } from "../../lib/crypto/key_pair.ts";
import { toBase64 } from "../../lib/base/bytes.ts";
import { makeCertificate, makeTestAuthority } from "../support/certificates.ts";
import { ScriptedBroker } from "./scripted_broker.ts";

const pair = generateKeyPair();
const publicKey = toBase64(pair.publicKey);

async function withBroker(test: (broker: ScriptedBroker) => Promise<void>): Promise<void> {
  const broker = await ScriptedBroker.start();
  try {
    await test(broker);
  } finally {
    await broker.stop();
  }
}

async function connect(
  broker: ScriptedBroker,
  options: Partial<SenderOptions> = {},
): Promise<Sender> {
  const connection = await broker.clientOptions("sender_1");
  return await Sender.connect({
    ...options,
    connection: { ...connection, ...options.connection },
    backoff: { firstMs: 5, maxMs: 20 },
  });
}

/** The texts in a queue, in order. */
function texts(broker: ScriptedBroker, queue: string): string[] {
  const opener = new EnvelopeOpener(pair.privateKey);
  return broker.queues.get(queue)!.map(({ json }) => opener.open(JSON.parse(json)));
}

function isCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof CipherMqError && error.code === code;
}

function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, n) => String(n));
}

Deno.test("messages arrive encrypted, in order, in batches, and send resolves when they were accepted", async () => {
  await withBroker(async (broker) => {
    broker.keys.set("receiver_1", publicKey);
    broker.bindQueue("receiver_1");
    const sender = await connect(broker);
    await Promise.all(numbers(1_000).map((text) => sender.send("receiver_1", text)));
    assert.equal(sender.pending, 0);
    await sender.close();
    assert.deepEqual(texts(broker, "receiver_1"), numbers(1_000));
    assert.ok(broker.lines.filter((line) => line.includes("publish_batch")).length < 100);
    assert.equal(broker.lines.filter((line) => line.includes("get_key")).length, 1);
  });
});

Deno.test("several receivers each get a message of their own, and a given id is made theirs", async () => {
  await withBroker(async (broker) => {
    for (const name of ["a", "b"]) {
      broker.keys.set(name, publicKey);
      broker.bindQueue(name);
    }
    const sender = await connect(broker);
    await sender.send(["a", "b"], "hello", { messageId: "m" });
    await sender.close();
    assert.deepEqual([...texts(broker, "a"), ...texts(broker, "b")], ["hello", "hello"]);
    assert.equal(broker.queues.get("a")![0]!.id, "m:a");
    assert.equal(JSON.parse(broker.queues.get("b")![0]!.json).receiver_client_id, "b");
  });
});

Deno.test("connections that are cut at any time lose nothing and double nothing", async () => {
  await withBroker(async (broker) => {
    broker.keys.set("r", publicKey);
    broker.bindQueue("r");
    const sender = await connect(broker, { window: { maxBatchMessages: 7, maxMessages: 50 } });
    let publishes = 0;
    broker.intercept = (line) => {
      if (!line.startsWith("publish")) return undefined;
      publishes++;
      // Not taken at all, or taken and the replies lost.
      if (publishes % 20 === 0) broker.cut();
      if (publishes % 20 === 10) queueMicrotask(() => broker.cut());
      return publishes % 20 === 0 ? false : undefined;
    };
    await Promise.all(numbers(500).map((text) => sender.send("r", text)));
    assert.ok(sender.resent > 0);
    await sender.close();
    assert.deepEqual(texts(broker, "r"), numbers(500));
    assert.ok(broker.connections > 3);
  });
});

Deno.test("a sender waits for the receiver's key and queue, and says so", async () => {
  await withBroker(async (broker) => {
    const notices: SenderNotice["kind"][] = [];
    const onNotice = ({ kind }: SenderNotice) => {
      notices.push(kind);
      if (kind === "waiting_for_key") broker.keys.set("r", publicKey);
      if (kind === "waiting_for_queue") broker.bindQueue("r");
    };
    const sender = await connect(broker, { onNotice });
    await Promise.all(numbers(20).map((text) => sender.send("r", text)));
    await sender.close();
    assert.deepEqual(notices, ["connected", "waiting_for_key", "waiting_for_queue"]);
    assert.deepEqual(texts(broker, "r"), numbers(20));
  });
});

Deno.test("a receiver that does not come in time fails its messages, and nothing is half sent", async () => {
  await withBroker(async (broker) => {
    const sender = await connect(broker, { waitMs: 30 });
    const noKey = await Promise.allSettled(numbers(3).map((text) => sender.send("r", text)));
    assert.ok(noKey.every((one) => one.status === "rejected" && isCode("not_found")(one.reason)));
    broker.keys.set("r", publicKey);
    const noQueue = await Promise.allSettled(numbers(3).map((text) => sender.send("r", text)));
    assert.ok(
      noQueue.every((one) => one.status === "rejected" && isCode("unroutable")(one.reason)),
    );
    broker.bindQueue("r");
    await sender.send("r", "now");
    await sender.close();
    assert.deepEqual(texts(broker, "r"), ["now"]);
  });
});

Deno.test("a full queue makes a sender wait however long, tell it, and go on in order when there is room", async () => {
  await withBroker(async (broker) => {
    broker.keys.set("r", publicKey);
    broker.bindQueue("r");
    let room = 10;
    const whenFull = "Error: queue 'r' is full (10 messages); try again later";
    broker.intercept = (line) => {
      if (!line.startsWith("publish")) return undefined;
      const messages = JSON.parse(line.slice(line.search(/[[{]/)));
      if (room > 0 && !Array.isArray(messages)) return void room--;
      return [messages].flat().map((one) => `${whenFull} for message ${one.message_id}`).join("\n");
    };
    const whys: string[] = [];
    const onNotice = (notice: SenderNotice) => {
      if (notice.kind === "waiting_for_room") whys.push(notice.why);
    };
    const sender = await connect(broker, { onNotice, waitMs: 20, window: { maxBatchMessages: 1 } });
    const sent = Promise.all(numbers(30).map((text) => sender.send("r", text)));
    await broker.until(() => room === 0 && whys.length > 0);
    room = 1;
    await broker.until(() => room === 0);
    room = 100;
    await sent;
    await sender.close();
    assert.deepEqual(whys, ["queue 'r' is full (10 messages)"]);
    assert.deepEqual(texts(broker, "r"), numbers(30));
  });
});

Deno.test("a message can be told how long it may wait", async () => {
  await withBroker(async (broker) => {
    broker.keys.set("r", publicKey);
    broker.bindQueue("r");
    const sender = await connect(broker);
    await sender.send("r", "short", { ttlMs: 1_500 });
    await sender.send("r", "long");
    for (const ttlMs of [0, 1.5, -1, Number.NaN]) {
      await assert.rejects(sender.send("r", "x", { ttlMs }), isCode("usage"));
    }
    await sender.close();
    const lines = broker.lines.filter((line) => line.includes("publish"));
    assert.deepEqual(lines.map((line) => line.endsWith("} ttl_ms=1500")), [true, false]);
  });
});

Deno.test("what one message is refused for is its own failure, and part of several is partial", async () => {
  await withBroker(async (broker) => {
    broker.keys.set("r", publicKey);
    broker.bindQueue("r");
    const sender = await connect(broker, { waitMs: 20 });
    await sender.send("r", "one", { messageId: "same" });
    await assert.rejects(sender.send("r", "two", { messageId: "same" }), isCode("conflict"));
    await assert.rejects(sender.send("r", "x", { messageId: "two words" }), isCode("invalid_name"));
    await assert.rejects(sender.send("no name", "x"), isCode("invalid_name"));
    await assert.rejects(sender.send("r", "\ud800"), isCode("invalid_message"));
    await assert.rejects(sender.send(["r", "nobody"], "half"), isCode("partial"));
    await sender.close();
    assert.deepEqual(texts(broker, "r"), ["one", "half"]);
  });
});

Deno.test("a window that is full makes producers wait, in order", async () => {
  await withBroker(async (broker) => {
    broker.keys.set("r", publicKey);
    broker.bindQueue("r");
    const sender = await connect(broker, { window: { maxMessages: 10 } });
    let most = 0;
    for (const text of numbers(200)) {
      await sender.room(text);
      sender.post("r", text, (error) => assert.equal(error, undefined));
      most = Math.max(most, sender.pending);
    }
    await sender.flush();
    await sender.close();
    assert.equal(most, 10);
    assert.deepEqual(texts(broker, "r"), numbers(200));
  });
});

Deno.test("a broker that stops answering is left, and another connection finishes the work", async () => {
  await withBroker(async (broker) => {
    broker.keys.set("r", publicKey);
    broker.bindQueue("r");
    const connection = { ...await broker.clientOptions("sender_1"), replyTimeoutMs: 60 };
    const sender = await connect(broker, { connection });
    let muted = true;
    broker.intercept = (line) => line.startsWith("publish") && muted ? (muted = false) : undefined;
    await sender.send("r", "text");
    await sender.close();
    assert.deepEqual(texts(broker, "r"), ["text"]);
    assert.equal(broker.connections, 2);
  });
});

Deno.test("an idle connection is asked whether it lives", async () => {
  await withBroker(async (broker) => {
    const connection = { ...await broker.clientOptions("sender_1"), heartbeatMs: 20 };
    const sender = await connect(broker, { connection });
    await broker.until(() => broker.lines.filter((line) => line.endsWith("heartbeat")).length >= 4);
    assert.equal(broker.connections, 1);
    await sender.close();
  });
});

Deno.test("a receiver's new key is used from the next connection on", async () => {
  await withBroker(async (broker) => {
    broker.keys.set("r", toBase64(generateKeyPair().publicKey));
    broker.bindQueue("r");
    const sender = await connect(broker);
    await sender.send("r", "old");
    broker.keys.set("r", publicKey);
    broker.cut();
    await broker.until(() => broker.lines.filter((line) => line.includes("get_key")).length === 2);
    // Accepted after the key was told: replies come in order.
    await sender.send("r", "between");
    await sender.send("r", "new");
    await sender.close();
    broker.queues.get("r")!.splice(0, 2);
    assert.deepEqual(texts(broker, "r"), ["new"]);
  });
});

Deno.test("a sender that is destroyed fails what was not accepted", async () => {
  await withBroker(async (broker) => {
    broker.keys.set("r", publicKey);
    broker.bindQueue("r");
    const sender = await connect(broker);
    broker.intercept = (line) => line.startsWith("publish") ? false : undefined;
    const sent = assert.rejects(sender.send("r", "text"), isCode("connection"));
    await broker.until(() => broker.lines.at(-1)!.includes("publish"));
    await sender.destroy();
    await sent;
    await assert.rejects(sender.send("r", "late"), isCode("connection"));
  });
});

Deno.test("a sender gives up when told how long to try, and says that nothing listens", async () => {
  const broker = await ScriptedBroker.start();
  const sender = await connect(broker, { reconnectForMs: 30 });
  await broker.stop();
  await assert.rejects(sender.send("r", "text"), /nothing listens there/);
  await sender.close();
  await assert.rejects(connect(broker, { connectForMs: 20 }), isCode("connection"));
});

Deno.test("who cannot trust each other is told why", async () => {
  const stranger = await ScriptedBroker.start({ label: "other" });
  await assert.rejects(connect(stranger), (error: CipherMqError) => {
    return error.code === "tls" && /does not come from the authority/.test(error.message);
  });
  await stranger.stop();
  await withBroker(async (broker) => {
    const good = await broker.clientOptions("sender_1");
    const foreign = await makeCertificate(await makeTestAuthority("other"), { subject: "x" });
    const credentials = {
      ...good.credentials,
      certificate: foreign.cert,
      privateKey: foreign.key,
    };
    await assert.rejects(connect(broker, { connection: { ...good, credentials } }), (error) => {
      return isCode("tls")(error) && /refuse a client's certificate/.test(String(error));
    });
  });
});

Deno.test("waiting for the first connection can be interrupted", async () => {
  const broker = await ScriptedBroker.start();
  await broker.stop();
  const stop = new AbortController();
  const connected = connect(broker, {
    signal: stop.signal,
    onNotice: (notice) => notice.kind === "disconnected" && stop.abort(),
  });
  await assert.rejects(connected, /interrupted/);
});

/** A sender with the spool in a folder, and what it tells. */
async function spooling(broker: ScriptedBroker, folder: string) {
  const spool = new DurableSpool(`${folder}/spool.db`);
  const recovered: (string | undefined)[] = [];
  const sender = await connect(broker, {
    spool,
    waitMs: 30,
    recovered: (_receiver, error) => recovered.push(error?.code),
  });
  return { sender, spool, recovered };
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("what a sender with a spool took and could not send the next one sends first, once and in order", async () => {
  await withBroker((broker) =>
    withFolder(async (folder) => {
      broker.keys.set("r", publicKey);
      broker.bindQueue("r");
      const first = await spooling(broker, folder);
      await first.sender.send("r", "0");
      assert.equal(first.spool.size, 0);
      let publishes = 0;
      // Some are taken and their replies lost, others do not arrive.
      broker.intercept = (line) => {
        if (!line.startsWith("publish") || ++publishes === 1) return undefined;
        broker.cut();
        return false;
      };
      const taken: string[] = [];
      const sent = Promise.allSettled(
        numbers(301).slice(1).map((text) =>
          first.sender.send("r", text, { taken: () => taken.push(text) })
        ),
      );
      await broker.until(() => publishes > 1);
      assert.equal(taken.length, 300);
      await first.sender.destroy();
      await sent;
      assert.ok(first.spool.size > 0);
      broker.intercept = () => undefined;
      const second = await spooling(broker, folder);
      await second.sender.send("r", "301");
      await second.sender.close();
      assert.deepEqual(texts(broker, "r"), numbers(302));
      assert.deepEqual(new Set(second.recovered), new Set([undefined]));
      assert.equal(second.spool.size, 0);
    })
  );
});

Deno.test("a spool keeps what no queue takes yet, and drops what is refused for good", async () => {
  await withBroker((broker) =>
    withFolder(async (folder) => {
      broker.keys.set("r", publicKey);
      const first = await spooling(broker, folder);
      await assert.rejects(first.sender.send("r", "kept"), isCode("unroutable"));
      await first.sender.close();
      assert.equal(first.spool.size, 1);
      broker.bindQueue("r");
      const second = await spooling(broker, folder);
      await second.sender.send("r", "one", { messageId: "same" });
      await assert.rejects(
        second.sender.send("r", "two", { messageId: "same" }),
        isCode("conflict"),
      );
      await second.sender.close();
      assert.equal(second.spool.size, 0);
      assert.deepEqual(second.recovered, [undefined]);
      assert.deepEqual(texts(broker, "r"), ["kept", "one"]);
    })
  );
});

Deno.test("a spool that cannot be written fails what it could not take, and a sender whose options are wrong closes it", async () => {
  await withBroker((broker) =>
    withFolder(async (folder) => {
      broker.keys.set("r", publicKey);
      broker.bindQueue("r");
      const { sender, spool } = await spooling(broker, folder);
      await sender.send("r", "a");
      spool.add = () => {
        throw new CipherMqError("storage", "the disk is full");
      };
      await assert.rejects(sender.send("r", "b"), isCode("storage"));
      await sender.close();
      assert.deepEqual(texts(broker, "r"), ["a"]);
      const wrong = { spool: new DurableSpool(`${folder}/spool.db`), exchange: "two words" };
      await assert.rejects(connect(broker, wrong), isCode("invalid_name"));
      new DurableSpool(`${folder}/spool.db`).close();
    })
  );
});
