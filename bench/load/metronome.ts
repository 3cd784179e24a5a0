/**
 * Says when a millisecond is over. Timers of the platform are 2 milliseconds late; a thread that
 * sleeps is 0.1 late.
 *
 * @module
 */

const BEAT = `onmessage = ({ data: beats }) => {
  const never = new Int32Array(new SharedArrayBuffer(4));
  let due = performance.now();
  for (let beat = 0; beat < beats; beat++, due += 1) {
    const wait = due - performance.now();
    if (wait > 0) Atomics.wait(never, 0, 0, wait);
    postMessage(performance.timeOrigin + due);
  }
};`;

/** Calls `beat` every millisecond, `beats` times, with the moment at which it should have been. */
export async function everyMillisecond(
  beats: number,
  beat: (dueMs: number) => void,
): Promise<void> {
  const url = URL.createObjectURL(new Blob([BEAT], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = beats;
  worker.onmessage = ({ data }: MessageEvent<number>) => {
    beat(data);
    if (--left === 0) resolve();
  };
  worker.postMessage(beats);
  await promise;
  worker.terminate();
  URL.revokeObjectURL(url);
}
