/**
 * Looks at JSON before it is parsed: a line of brackets or of empty objects would cost a parser
 * many times its own size.
 *
 * @module
 */

const QUOTE = 34;
const COMMA = 44;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** What JSON may look like. */
export interface JsonShape {
  /** Objects and arrays inside each other; 1 is an object of plain values. */
  readonly maxDepth: number;
  /** Commas between values, all together; bounds what a parser makes of the text. */
  readonly maxCommas: number;
  /** What to say when there are more. */
  readonly tooMany: string;
}

/** The place of the quote that ends the string begun at `open`, or -1. */
function stringEnd(text: string, open: number): number {
  for (let end = text.indexOf('"', open + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escape = end;
    while (text.charCodeAt(escape - 1) === BACKSLASH) escape--;
    if ((end - escape) % 2 === 0) return end;
  }
  return -1;
}

/**
 * Says why `text` must not be parsed, or nothing when it may. Takes one pass, and no memory. What
 * it lets through need not be JSON.
 */
export function jsonShapeProblem(text: string, shape: JsonShape): string | undefined {
  let depth = 0;
  let commas = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) {
      i = stringEnd(text, i);
      if (i === -1) return "not valid JSON";
    } else if (unit === COMMA) {
      if (++commas > shape.maxCommas) return shape.tooMany;
    } else if (unit === OPEN_BRACE || unit === OPEN_BRACKET) {
      if (++depth > shape.maxDepth) return "nested too deep";
    } else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) {
      depth--;
    }
  }
  return undefined;
}
