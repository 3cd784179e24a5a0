/**
 * One connection: commands and replies, stopping to read, and every way it ends.
 *
 * @module
 */
import assert from "node:assert/strict";
import { CipherMqError } from "../../lib/base/errors.ts";
import { Connection, type ConnectionEvents } from "../../lib/client/connection.ts";
import { ScriptedBroker } from "./scripted_broker.ts";

class Heard implements ConnectionEvents {
  messages = 0;
  onTurn = () => {};
  onDrained = () => {};

  message(): void {
    this.messages++;
  }

  turn(): void {
    this.onTurn();
  }

  drained(): void {
    this.onDrained();
  }
}

async function withConnection(
  test: (connection: Connection, heard: Heard, broker: ScriptedBroker) => Promise<void>,
): Promise<void> {
  const broker = await ScriptedBroker.start();
  const heard = new Heard();
  const connection = await Connection.open(await broker.clientOptions("a"), heard);
  try {
    await test(connection, heard, broker);
  } finally {
    connection.destroy();
    await connection.closed;
    await broker.stop();
  }
}

Deno.test("requests get their replies in order, and an orderly end is no error", async () => {
  await withConnection(async (connection, _heard, broker) => {
    const replies = await Promise.all([
      connection.request({ kind: "declare_queue", queue: "q", options: {} }),
      connection.request({ kind: "get_key", client: "nobody" }),
      connection.request({ kind: "stats" }),
    ]);
    assert.deepEqual(replies.map(({ kind }) => kind), ["queue_declared", "no_key", "failed"]);
    await connection.close();
    assert.equal(await connection.closed, undefined);
    assert.equal(broker.lines.length, 4);
  });
});

Deno.test("a request that the connection does not outlive is rejected", async () => {
  await withConnection(async (connection, _heard, broker) => {
    broker.intercept = () => {
      broker.cut();
      return false;
    };
    await assert.rejects(connection.request({ kind: "stats" }), (error) => {
      return error instanceof CipherMqError && error.code === "connection";
    });
    assert.equal((await connection.closed)?.code, "connection");
    assert.equal(connection.writable, false);
  });
});

Deno.test("a request to a connection that is closing or closed is rejected", async () => {
  await withConnection(async (connection) => {
    const closed = (error: unknown) =>
      error instanceof CipherMqError && /closed before the broker answered/.test(error.message);
    const closing = connection.close();
    await assert.rejects(connection.request({ kind: "stats" }), closed);
    await closing;
    await assert.rejects(connection.request({ kind: "stats" }), closed);
  });
});

Deno.test("replies that were taken are not kept until the connection ends", async () => {
  await withConnection(async (connection) => {
    const collected = Promise.withResolvers<void>();
    const registry = new FinalizationRegistry<undefined>(() => collected.resolve());
    registry.register(await connection.request({ kind: "stats" }), undefined);
    // Something to collect, until it was.
    let over = false;
    void collected.promise.then(() => over = true);
    for (let turns = 0; !over; turns++) {
      assert.ok(turns < 10_000, "the reply is collected while the connection is open");
      new Array(100_000).fill(turns);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(connection.writable, true);
  });
});

Deno.test("a broker that makes no sense is left", async () => {
  for (const nonsense of ["what?", "HEARTBEAT_OK\nHEARTBEAT_OK"]) {
    await withConnection(async (connection, _heard, broker) => {
      broker.intercept = () => nonsense;
      connection.send({ kind: "heartbeat" }, { reply: () => true });
      assert.equal((await connection.closed)?.code, "protocol");
    });
  }
});

Deno.test("reading that is stopped makes the broker wait, and goes on without loss", async () => {
  await withConnection(async (connection, heard, broker) => {
    const total = 4_000;
    const line = `Message: id {"x":"${"y".repeat(10_000)}"}`;
    broker.intercept = () => `HEARTBEAT_OK\n${Array(total).fill(line).join("\n")}`;
    const paused = Promise.withResolvers<void>();
    heard.onTurn = () => {
      if (heard.messages === 0) return;
      connection.pause();
      paused.resolve();
    };
    connection.send({ kind: "heartbeat" }, { reply: () => true });
    await paused.promise;
    // What was decrypted already may still come; what the kernel holds may not.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const before = heard.messages;
    assert.ok(before < total / 2, `${before} messages came`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(heard.messages, before);
    const all = Promise.withResolvers<void>();
    heard.onTurn = () => heard.messages === total && all.resolve();
    connection.resume();
    await all.promise;
  });
});

Deno.test("what is written beyond the bound waits until it is drained", async () => {
  await withConnection(async (connection, heard) => {
    const drained = Promise.withResolvers<void>();
    heard.onDrained = drained.resolve;
    const all = Promise.withResolvers<void>();
    let sent = 0;
    const reply = () => {
      if (--sent === 0) all.resolve();
      return true;
    };
    while (connection.writable && sent < 10_000) {
      sent++;
      connection.send({ kind: "get_key", client: "x".repeat(200) }, { reply });
    }
    assert.ok(sent > 4_000 && sent < 10_000);
    await drained.promise;
    assert.equal(connection.writable, true);
    await all.promise;
  });
});

Deno.test("a broker that says nothing after the handshake is not waited for", async () => {
  const broker = await ScriptedBroker.start();
  broker.intercept = () => false;
  const options = { ...await broker.clientOptions("a"), connectTimeoutMs: 100 };
  await assert.rejects(Connection.open(options, new Heard()), (error) => {
    return error instanceof CipherMqError && error.code === "timeout";
  });
  await broker.stop();
});
