/**
 * An accepted client's bytes over real TLS: back-pressure both ways, and endings.
 *
 * @module
 */
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { CLOSE_TIMEOUT_MS, TlsClientSocket } from "../../lib/server/client_socket.ts";
import { closed, Door, meet, startReading, stopReading, within } from "../support/door.ts";

const MIB = 1024 * 1024;

/** Writes without end, as fast as the other side takes it; gives the count of bytes taken. */
function flood(socket: TLSSocket): { taken: number; stop(): void } {
  const block = new Uint8Array(64 * 1024);
  const state = { taken: 0, stop: () => socket.removeListener("drain", pour) };
  const pour = () => {
    while (!socket.destroyed) {
      const more = socket.write(block);
      state.taken += block.length;
      if (!more) return;
    }
  };
  socket.on("drain", pour);
  pour();
  return state;
}

/** Resolves once `value` has not changed for 200 ms; what it is then. */
async function settled(value: () => number): Promise<number> {
  let last = -1;
  while (last !== value()) {
    last = value();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return last;
}

Deno.test("pause holds up the peer, not memory, and resume goes on without losing a byte", async () => {
  let got = 0;
  const enough = Promise.withResolvers<void>();
  let wanted = MIB;
  await using door = await Door.open({}, {}, (client) => {
    client.onData = (chunk) => {
      got += chunk.length;
      if (got < wanted) return;
      client.pause();
      enough.resolve();
    };
  });
  const [client, socket] = await meet(door);
  const sent = flood(socket);
  await within(enough.promise);
  const atPause = got;
  const taken = await settled(() => sent.taken);
  assert.equal(got, atPause, "no byte comes while paused");
  assert.ok(taken < 64 * MIB, `the peer got rid of ${taken} bytes`);
  wanted = Infinity;
  sent.stop();
  socket.end();
  client.resume();
  await closed(socket);
  assert.equal(got, sent.taken, "every byte that was sent arrives");
});

Deno.test("pausing and resuming many times loses and repeats nothing", async () => {
  const received: number[] = [];
  const done = Promise.withResolvers<void>();
  await using door = await Door.open({}, {}, (client) => {
    client.onData = (chunk) => {
      received.push(...chunk);
      client.pause();
      setTimeout(() => client.resume());
    };
    client.onClose = () => done.resolve();
  });
  const [, socket] = await meet(door);
  const sent = Array.from({ length: 200_000 }, (_, place) => (place * 7 + (place >> 8)) & 0xff);
  for (let at = 0; at < sent.length; at += 999) {
    socket.write(new Uint8Array(sent.slice(at, at + 999)));
  }
  socket.end();
  await within(done.promise);
  assert.deepEqual(received, sent);
});

Deno.test("what a peer does not read is counted, and onDrain comes when it has read it", async () => {
  await using door = await Door.open();
  const [client, socket] = await meet(door);
  stopReading(socket);
  const drained = Promise.withResolvers<void>();
  client.onDrain = () => drained.resolve();
  const total = 32 * MIB;
  for (let sent = 0; sent < total; sent += MIB) client.write(new Uint8Array(MIB));
  const unsent = await settled(() => client.unsentBytes);
  assert.ok(unsent > 16 * MIB, `${unsent} bytes unsent`);
  let got = 0;
  socket.on("data", (chunk: Uint8Array) => got += chunk.length);
  startReading(socket);
  await within(drained.promise);
  assert.equal(client.unsentBytes, 0);
  client.end();
  await closed(socket);
  assert.equal(got, total);
});

Deno.test("onDrain comes after a small write too", async () => {
  await using door = await Door.open();
  const [client, socket] = await meet(door);
  const drained = new Promise<void>((resolve) => client.onDrain = resolve);
  client.write(new Uint8Array(1));
  await within(drained);
  assert.equal(client.unsentBytes, 0);
  socket.destroy();
  await closed(socket);
});

Deno.test("end sends everything, also over bytes that nobody has read", async () => {
  await using door = await Door.open({}, {}, (client) => client.pause());
  const [client, socket] = await meet(door);
  let text = "";
  socket.on("data", (chunk: Uint8Array) => text += chunk);
  socket.write(new Uint8Array(4 * MIB));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const since = performance.now();
  const first = "x".repeat(2 * MIB);
  client.write(new TextEncoder().encode(first));
  client.end(new TextEncoder().encode("last words"));
  await closed(socket);
  assert.ok(performance.now() - since < CLOSE_TIMEOUT_MS - 500, "the peer's close is seen");
  assert.equal(text.length, first.length + 10);
  assert.ok(text.endsWith("last words"));
});

Deno.test("nothing is sent or received after end, and closing is told once", async () => {
  let received = 0;
  let closes = 0;
  const gone = Promise.withResolvers<void>();
  await using door = await Door.open({}, {}, (client) => {
    client.onData = () => received++;
    client.onClose = () => {
      closes++;
      gone.resolve();
    };
  });
  const [client, socket] = await meet(door);
  let text = "";
  socket.on("data", (chunk: Uint8Array) => text += chunk);
  client.end(new TextEncoder().encode("bye"));
  client.write(new TextEncoder().encode("too late"));
  client.end(new TextEncoder().encode("too late"));
  socket.write("too late");
  await Promise.all([closed(socket), within(gone.promise)]);
  client.destroy();
  client.pause();
  client.resume();
  client.write(new Uint8Array(1));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual({ text, received, closes }, { text: "bye", received: 0, closes: 1 });
});

Deno.test("a peer that does not take its last bytes is cut off", async () => {
  const gone = Promise.withResolvers<void>();
  await using door = await Door.open({}, {}, (client) => client.onClose = () => gone.resolve());
  const [client, socket] = await meet(door);
  stopReading(socket);
  client.write(new Uint8Array(32 * MIB));
  const since = performance.now();
  client.end();
  await within(gone.promise);
  const tookMs = performance.now() - since;
  assert.ok(tookMs > CLOSE_TIMEOUT_MS - 50 && tookMs < CLOSE_TIMEOUT_MS + 2_000, `${tookMs} ms`);
  socket.destroy();
  await closed(socket);
});

Deno.test("a peer that goes away while bytes wait for it harms nobody", async () => {
  const gone = Promise.withResolvers<void>();
  await using door = await Door.open({}, {}, (client) => client.onClose = () => gone.resolve());
  const [client, socket] = await meet(door);
  stopReading(socket);
  client.write(new Uint8Array(32 * MIB));
  socket.resetAndDestroy();
  await within(gone.promise);
  client.write(new Uint8Array(1));
  const [, next] = await meet(door);
  next.destroy();
  await Promise.all([closed(socket), closed(next)]);
});

Deno.test("replies are sent at once, not held for more", async () => {
  await using door = await Door.open({}, {}, (client) => {
    client.onData = (chunk) => {
      client.write(new Uint8Array(chunk));
      queueMicrotask(() => client.write(new Uint8Array(chunk)));
    };
  });
  const [, socket] = await meet(door);
  socket.setNoDelay(true);
  const times: number[] = [];
  for (let round = 0; round < 30; round++) {
    const since = performance.now();
    let got = 0;
    socket.write("x");
    while (got < 2) got += (await once(socket, "data"))[0].length;
    times.push(performance.now() - since);
  }
  // Nagle's algorithm against a delayed acknowledgement would make it 40 ms each.
  times.sort((a, b) => a - b);
  assert.ok(times[15]! < 20, `${times[15]} ms`);
  socket.destroy();
  await closed(socket);
});

/** A TLS socket that does what a platform without back-pressure would do. */
class StandIn extends EventEmitter {
  writable = true;
  writableLength = 0;
  destroyed = false;
  reading = true;
  readonly raw = {
    _handle: { readStop: () => this.reading = false, readStart: () => this.reading = true },
    destroy: () => this.destroyed = true,
  };

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit("close");
  }

  /** Takes over both ends, as the listener does. */
  client(): TlsClientSocket {
    const [tls, raw] = [this as unknown as TLSSocket, this.raw as unknown as Socket];
    return new TlsClientSocket(tls, raw, "alice", "127.0.0.1");
  }
}

Deno.test("what still comes after pause waits, in order, and never comes from within resume", async () => {
  const standIn = new StandIn();
  const client = standIn.client();
  const got: number[] = [];
  client.onData = (chunk) => {
    got.push(chunk[0]!);
    if (chunk[0] === 2) client.pause();
  };
  client.pause();
  assert.equal(standIn.reading, false);
  for (const byte of [1, 2, 3]) standIn.emit("data", new Uint8Array([byte]));
  client.resume();
  assert.deepEqual(got, [], "nothing from within resume");
  standIn.emit("data", new Uint8Array([4]));
  await Promise.resolve();
  assert.deepEqual(got, [1, 2], "as far as the next pause");
  assert.equal(standIn.reading, false);
  client.resume();
  await Promise.resolve();
  assert.deepEqual(got, [1, 2, 3, 4]);
  assert.equal(standIn.reading, true);
  standIn.emit("data", new Uint8Array([5]));
  assert.deepEqual(got, [1, 2, 3, 4, 5]);
});

Deno.test("a platform that reads on while paused costs the connection, not the memory", () => {
  const standIn = new StandIn();
  const client = standIn.client();
  client.pause();
  for (let i = 0; i < 16; i++) standIn.emit("data", new Uint8Array(MIB / 16));
  assert.equal(standIn.destroyed, false);
  standIn.emit("data", new Uint8Array(1));
  assert.equal(standIn.destroyed, true);
});

Deno.test("a platform that cannot stop reading costs the connection", () => {
  const standIn = new StandIn();
  const client = standIn.client();
  Object.assign(standIn.raw, { _handle: {} });
  client.pause();
  assert.equal(standIn.destroyed, true);
});
