/**
 * Whether something grows: a line through what was sampled, not the difference of two samples.
 *
 * Memory that is collected now and then goes up and down, so the fit is through the least of each
 * window of samples: a leak raises that too. Theil and Sen's estimator, the median of the slopes of
 * all pairs, is not moved by a few windows that are out of the ordinary. A process that is restarted
 * has several lives: pairs are made within each life, and the median is that of all of them.
 *
 * @module
 */

/** A value and when it was taken. */
export interface Sample {
  /** When, in milliseconds of any clock. */
  readonly atMs: number;
  /** How much. */
  readonly value: number;
}

/** How much growth there may be. A series fails when it is beyond both. */
export interface SlopeBound {
  /** The fitted slope, per hour. */
  readonly perHour: number;
  /**
   * What the fit grows by in the time that was sampled. Noise is steep in a short time: in a long one
   * the slope decides.
   */
  readonly growth: number;
}

/** What a fit says of a series. */
export interface Judgement {
  /** Windows that were fitted, in all lives. */
  readonly windows: number;
  /** The time between the first and the last window of each life, in all, in milliseconds. */
  readonly spanMs: number;
  /** The median of the windows. */
  readonly level: number;
  /** The fitted slope, per hour. */
  readonly perHour: number;
  /** The fitted slope of each life by itself, per hour. */
  readonly livesPerHour: readonly number[];
  /** What the fit grows by in the whole time. */
  readonly growth: number;
  /** `short`: too few windows to say anything. */
  readonly verdict: "steady" | "grows" | "short";
}

const HOUR_MS = 3_600_000;
/** Fewer windows than these have no slope. */
const FEWEST_WINDOWS = 5;

/** What stands for the samples of a window: of what is freed now and then the least, else the most. */
export type Extreme = "least" | "most";

/** The least or most sample of each `windowMs`, at the time it was taken. */
export function extremes(
  samples: readonly Sample[],
  windowMs: number,
  extreme: Extreme,
): Sample[] {
  const sign = extreme === "least" ? 1 : -1;
  const windows = new Map<number, Sample>();
  for (const sample of samples) {
    const window = Math.floor((sample.atMs - samples[0]!.atMs) / windowMs);
    const one = windows.get(window);
    if (one === undefined || sign * (sample.value - one.value) < 0) windows.set(window, sample);
  }
  return [...windows.values()];
}

/** Theil and Sen's slope of all lives, per millisecond; 0 where none has two samples. */
export function theilSen(lives: readonly (readonly Sample[])[]): number {
  return median(lives.flatMap(slopesOf));
}

function slopesOf(samples: readonly Sample[]): number[] {
  return samples.flatMap((one, at) =>
    samples.slice(at + 1).filter((other) => other.atMs !== one.atMs)
      .map((other) => (other.value - one.value) / (other.atMs - one.atMs))
  );
}

/** Judges a series by the fit through the {@linkcode extremes} of each life. */
export function judge(
  lives: readonly (readonly Sample[])[],
  bound: SlopeBound,
  windowMs: number,
  extreme: Extreme = "least",
): Judgement {
  const fitted = lives.map((samples) => extremes(samples, windowMs, extreme));
  const windows = fitted.flat();
  const perMs = theilSen(fitted);
  const spanMs = fitted.reduce((sum, life) => sum + spanOf(life), 0);
  const perHour = perMs * HOUR_MS;
  const growth = perMs * spanMs;
  const grows = perHour > bound.perHour && growth > bound.growth;
  return {
    windows: windows.length,
    spanMs,
    level: median(windows.map(({ value }) => value)),
    perHour,
    livesPerHour: fitted.map((life) => theilSen([life]) * HOUR_MS),
    growth,
    verdict: windows.length < FEWEST_WINDOWS ? "short" : grows ? "grows" : "steady",
  };
}

function spanOf(samples: readonly Sample[]): number {
  return samples.length === 0 ? 0 : samples.at(-1)!.atMs - samples[0]!.atMs;
}

function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
