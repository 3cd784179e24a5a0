/**
 * What the database's thread relies on in the platform's Web Workers.
 *
 * @module
 */
import assert from "node:assert/strict";

/** Starts a worker that runs `source`. */
function start(source: string): Worker {
  const script = `data:application/javascript,${encodeURIComponent(source)}`;
  return new Worker(script, { type: "module" });
}

function next(worker: Worker): Promise<MessageEvent> {
  return new Promise((resolve) => worker.onmessage = resolve);
}

Deno.test("a buffer that is transferred changes hands both ways, and is not copied", async () => {
  const worker = start("onmessage = ({ data }) => postMessage(data, [data.buffer]);");
  const body = new Uint8Array(1024 * 1024).fill(7);
  const { buffer } = body;
  const came = next(worker);
  worker.postMessage(body, [buffer]);
  assert.deepEqual([buffer.detached, body.length], [true, 0]);
  const { data } = await came;
  assert(data instanceof Uint8Array && data.length === 1024 * 1024 && data.every((b) => b === 7));
  worker.terminate();
});

Deno.test("messages to a thread and from it come each once and in order, with maps and numbers as they were", async () => {
  const worker = start("onmessage = ({ data }) => postMessage(data);");
  const sent = Array.from({ length: 1_000 }, (_, n) => new Map([[n, -0.5 * n]]));
  const received: unknown[] = [];
  const done = Promise.withResolvers<void>();
  worker.onmessage = ({ data }) => {
    received.push(data);
    if (received.length === sent.length) done.resolve();
  };
  for (const one of sent) worker.postMessage(one);
  await done.promise;
  assert.deepEqual(received, sent);
  worker.terminate();
});

Deno.test("a thread that fails is told, with its reason, and need not end the program", async () => {
  const worker = start("onmessage = () => setTimeout(() => { throw new Error('just so'); });");
  const died = Promise.withResolvers<string>();
  worker.onerror = (event) => {
    event.preventDefault();
    died.resolve(event.message);
  };
  worker.postMessage("");
  assert.match(await died.promise, /just so/);
  worker.terminate();
});

Deno.test("a thread whose script fails as it is loaded is told too", async () => {
  const worker = start("throw new Error('not even begun');");
  const died = Promise.withResolvers<string>();
  worker.onerror = (event) => {
    event.preventDefault();
    died.resolve(event.message);
  };
  assert.match(await died.promise, /not even begun/);
  worker.terminate();
});

Deno.test("a thread works while this one does, so that a slow disk holds up nobody", async () => {
  const worker = start(
    `onmessage = ({ data }) => {
      const cell = new Int32Array(data);
      postMessage("ready");
      Atomics.store(cell, 0, Atomics.wait(cell, 1, 0, 5000) === "ok" ? 1 : 2);
      Atomics.notify(cell, 0);
    };`,
  );
  const cell = new Int32Array(new SharedArrayBuffer(8));
  const ready = next(worker);
  worker.postMessage(cell.buffer);
  await ready;
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  for (let turns = 0; turns < 100; turns++) await turn();
  // It may not have come to wait yet on a busy machine.
  while (Atomics.notify(cell, 1) === 0) await turn();
  assert.notEqual(Atomics.wait(cell, 0, 0, 5_000), "timed-out");
  assert.equal(Atomics.load(cell, 0), 1, "it waited while 100 turns passed here");
  worker.terminate();
});
