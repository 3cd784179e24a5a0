/**
 * The low-space alarm and the ballast.
 *
 * @module
 */
import assert from "node:assert/strict";
import { DiskWatch } from "../../lib/server/disk_watch.ts";
import type { DiskSpace } from "../../lib/store/disk_space.ts";

const limits = { minFreeBytes: 1000, minFreePercent: 5, ballastBytes: 400 };

/** A disk and a ballast that the test sets. */
function watched(space?: () => DiskSpace) {
  const disk = { freeBytes: 10_000, totalBytes: 10_000, held: false, told: [] as boolean[] };
  const ballast = {
    get held() {
      return disk.held;
    },
    hold: () => Promise.resolve(disk.held = true),
    release: () => {
      disk.held = false;
      return Promise.resolve();
    },
  };
  const watch = new DiskWatch({
    limits,
    space: space ?? (() => ({ freeBytes: disk.freeBytes, totalBytes: disk.totalBytes })),
    ballast,
    onChange: (low) => disk.told.push(low),
  });
  const at = async (freeBytes: number) => {
    disk.freeBytes = freeBytes;
    await watch.look();
  };
  return { disk, watch, at };
}

Deno.test("the alarm begins below the bytes that must be free, and ends by itself a tenth above", async () => {
  const { disk, watch, at } = watched();
  await at(1000);
  assert.deepEqual([watch.low, disk.told], [false, []]);
  await at(999);
  await at(999);
  assert.deepEqual([watch.low, disk.told], [true, [true]]);
  await at(1099);
  assert.equal(watch.low, true);
  await at(1100);
  assert.deepEqual([watch.low, disk.told], [false, [true, false]]);
});

Deno.test("of bytes and per cent the larger counts", async () => {
  const { disk, watch, at } = watched();
  disk.totalBytes = 100_000;
  await at(5000);
  assert.equal(watch.low, false);
  await at(4999);
  assert.equal(watch.low, true);
});

Deno.test("the ballast is held while there is room and given back when nearly nothing is left", async () => {
  const { disk, at } = watched();
  await at(2000);
  assert.equal(disk.held, true);
  await at(100);
  assert.equal(disk.held, true, "a quarter of its size is still free");
  await at(99);
  assert.equal(disk.held, false);
  await at(1050);
  assert.equal(disk.held, false, "not while the alarm lasts");
  await at(1100);
  assert.equal(disk.held, true);
});

Deno.test("where the platform does not tell, nothing is refused", async () => {
  const { disk, watch } = watched(() => {
    throw new Error("no permission");
  });
  await watch.look();
  await watch.look();
  assert.deepEqual([watch.low, disk.told], [false, []]);
});
