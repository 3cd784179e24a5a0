/**
 * The judge of slopes: what leaks fails, and what goes up and down, warms up or jumps once does not.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Random } from "../fuzz/random.ts";
import { extremes, judge, type Sample, theilSen } from "./slope.ts";

const MIB = 1024 * 1024;
const BOUND = { perHour: 48 * MIB, growth: 6 * MIB };
const EVERY_MS = 3_000;
const WINDOW_MS = 30_000;
const SEEDS = Array.from({ length: 50 }, (_, seed) => seed);

/** Samples of ten minutes. */
function sampled(valueAt: (minutes: number, at: number) => number): Sample[] {
  return Array.from({ length: 200 }, (_, at) => {
    const atMs = 5_000_000 + at * EVERY_MS;
    return { atMs, value: valueAt((at * EVERY_MS) / 60_000, at) };
  });
}

/** Memory that is collected now and then: a saw with teeth of up to 30 MiB, and noise. */
function saw(random: Random): (minutes: number) => number {
  const teeth = random.between(20, 60) / 60;
  return (minutes) => 120 * MIB + 30 * MIB * ((minutes / teeth) % 1) + random.below(4 * MIB);
}

function verdictOf(samples: readonly Sample[]): string {
  return judge([samples], BOUND, WINDOW_MS).verdict;
}

Deno.test("a planted leak is found under the noise of collected memory", () => {
  for (const seed of SEEDS) {
    const noise = saw(new Random(seed));
    const leak = 100 * MIB / 60;
    assert.equal(verdictOf(sampled((m) => noise(m) + leak * m)), "grows", `seed ${seed}`);
    assert.equal(verdictOf(sampled((m) => noise(m))), "steady", `seed ${seed}`);
  }
});

Deno.test("one descriptor a minute is a leak, and two that come and go are none", () => {
  const bound = { perHour: 12, growth: 2 };
  const comeAndGo = (at: number) => 44 + at % 3;
  const leaking = sampled((minutes, at) => comeAndGo(at) + Math.floor(minutes));
  const still = sampled((_, at) => comeAndGo(at));
  assert.equal(judge([leaking], bound, WINDOW_MS).verdict, "grows");
  assert.equal(judge([still], bound, WINDOW_MS).verdict, "steady");
});

Deno.test("a leak that begins anew with each life is found, and one life that rises by chance is none", () => {
  for (const seed of SEEDS) {
    const lives = (perHour: readonly number[]) =>
      perHour.map((slope, life) => {
        const noise = saw(new Random(seed, life));
        return sampled((m) => noise(m) + slope * MIB * m / 60);
      });
    const { verdict, livesPerHour } = judge(lives([100, 100, 100]), BOUND, WINDOW_MS);
    assert.deepEqual([verdict, livesPerHour.length], ["grows", 3], `seed ${seed}`);
    assert.equal(judge(lives([80, -40, -15]), BOUND, WINDOW_MS).verdict, "steady", `seed ${seed}`);
  }
});

Deno.test("a few windows out of the ordinary, at the end too, are no leak", () => {
  const random = new Random(1);
  const noise = saw(random);
  const samples = sampled((m) => noise(m) + (m > 9 || (m > 3 && m < 4) ? 400 * MIB : 0));
  assert.equal(verdictOf(samples), "steady");
});

Deno.test("what grows slower than its bound is steady, however long it is watched", () => {
  assert.equal(verdictOf(sampled((m) => (120 + m * 40 / 60) * MIB)), "steady");
  const hours = sampled((m) => (120 + m * 40) * MIB)
    .map(({ atMs, value }) => ({ atMs: atMs * 60, value }));
  assert.equal(judge([hours], BOUND, WINDOW_MS * 60).verdict, "steady");
});

Deno.test("a log that is emptied at irregular times is judged by its length before that", () => {
  const random = new Random(5);
  const lengthOf = (most: (minutes: number) => number) => {
    let length = 0;
    return sampled((minutes) => {
      length = random.oneIn(8) ? 0 : Math.min(length + 16 * MIB, most(minutes));
      return length;
    });
  };
  const verdict = (samples: Sample[]) => judge([samples], BOUND, WINDOW_MS, "most").verdict;
  assert.equal(verdict(lengthOf(() => 64 * MIB)), "steady");
  assert.equal(verdict(lengthOf((minutes) => (32 + 8 * minutes) * MIB)), "grows");
});

Deno.test("too few windows are no proof of anything", () => {
  const samples = sampled((m) => 120 * MIB + m * 100 * MIB).slice(0, 35);
  assert.equal(verdictOf(samples), "short");
  assert.deepEqual([verdictOf([]), theilSen([]), extremes([], WINDOW_MS, "least")], [
    "short",
    0,
    [],
  ]);
});

Deno.test("the fit has the slope of a line, and the least of each window is what is fitted", () => {
  const line = sampled((minutes) => 7 + 3 * minutes);
  assert(Math.abs(theilSen([line]) * 60_000 - 3) < 1e-9);
  const spikes = sampled((_, at) => (at % 10 === 4 ? 1 : 9));
  for (const [extreme, value] of [["least", 1], ["most", 9]] as const) {
    const windows = extremes(spikes, WINDOW_MS, extreme);
    assert.deepEqual(windows.map((one) => one.value), Array(20).fill(value));
  }
  const { perHour, growth, windows: count } = judge([line], BOUND, WINDOW_MS);
  assert.equal(count, 20);
  assert(Math.abs(perHour - 180) < 1e-6 && Math.abs(growth - 28.5) < 1e-6);
});
