/**
 * What a topic pattern means, said as directly as possible and without regard to time.
 *
 * @module
 */

/** Whether `key` matches `pattern`: AMQP 0-9-1, section 3.1.3.3. */
export function matchesTopic(pattern: string, key: string): boolean {
  return wordsMatch(pattern.split("."), key.split("."));
}

function wordsMatch(pattern: readonly string[], key: readonly string[]): boolean {
  const [word, ...rest] = pattern;
  if (word === undefined) return key.length === 0;
  if (word === "#") {
    return wordsMatch(rest, key) || (key.length > 0 && wordsMatch(pattern, key.slice(1)));
  }
  return key.length > 0 && (word === "*" || word === key[0]) && wordsMatch(rest, key.slice(1));
}
