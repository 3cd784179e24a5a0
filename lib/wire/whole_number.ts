/**
 * Whole numbers as peers write them.
 *
 * @module
 */

const DIGITS = /^(?:0|[1-9][0-9]{0,15})$/;

/** What is wrong with a text that {@linkcode toWholeNumber} does not take. */
export function notWhole(least: number): string {
  return `is not a whole number from ${least} to ${Number.MAX_SAFE_INTEGER}`;
}

/**
 * The whole number from `least` to 2^53 - 1 that `text` is in decimal digits, or nothing when it is
 * none: no sign, no leading zero, nothing around it. So a number has one text.
 */
export function toWholeNumber(text: string, least: number): number | undefined {
  if (!DIGITS.test(text)) return undefined;
  const value = Number(text);
  return value >= least && Number.isSafeInteger(value) ? value : undefined;
}
