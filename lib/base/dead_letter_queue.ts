/**
 * Which queue takes the dead letters of which: its name tells.
 *
 * @module
 */

/** What a dead-letter queue's name ends with. */
const DEAD = ".dead";

/** The name of the queue that takes the dead letters of `queue`. */
export function deadLetterQueueOf(queue: string): string {
  return queue + DEAD;
}

/** Whether a queue of this name takes dead letters. */
export function isForDeadLetters(queue: string): boolean {
  return queue.endsWith(DEAD);
}

/** The name of the queue whose dead letters the queue `letters` takes. */
export function queueOfDeadLetters(letters: string): string {
  return letters.slice(0, -DEAD.length);
}
