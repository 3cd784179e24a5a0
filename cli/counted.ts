/**
 * Numbers of things in sentences.
 *
 * @module
 */

/** A number with the words for one thing or for several, as in "1 message was". */
export function counted(count: number, one = "message", several = "messages"): string {
  return `${count} ${count === 1 ? one : several}`;
}
