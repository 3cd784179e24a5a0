/**
 * Where the messages of `send` come from: one text per line, a chunk's lines at a time.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { CipherMqError } from "../lib/base/errors.ts";
import { systemError } from "../lib/base/system_error.ts";
import { MAX_SEALED_BYTES, textBytesWithin } from "../lib/client/message_size.ts";

/** Texts to send, some at a time. */
export interface MessageSource {
  /** The texts. Throws `usage` for what cannot be read, after everything before it. */
  readonly texts: AsyncIterable<readonly string[]>;
  /** How many there are, where that is known. */
  readonly total?: number;
  /** What to call the `number`th text, from 1 on. */
  place(number: number): string;
  /** Only whoever writes them knows how many more there are. */
  readonly live?: true;
  /** Somebody types them. */
  readonly typed?: true;
  /** Ends a wait for more, and looks at no more. */
  stop(): void;
}

/** What the user asked for. */
export interface SourceFlags {
  /** Texts themselves. */
  readonly messages: readonly string[];
  /** A file with one text per line. */
  readonly file?: string;
  /** So many sample texts. */
  readonly count?: number;
}

/** Sample texts made at once. */
const SAMPLES = 1_000;
/** The longest line, in bytes: no sealed message can hold more. */
const MAX_LINE_BYTES = textBytesWithin(MAX_SEALED_BYTES);
const NEWLINE = 10;

/** The source that the flags name: arguments, a file, samples, or stdin. Throws `usage`. */
export function messageSource({ messages, file, count }: SourceFlags): MessageSource {
  const given = [messages.length > 0, file !== undefined, count !== undefined];
  if (given.filter(Boolean).length > 1) {
    throw new CipherMqError("usage", "cannot send from more than one source at once", {
      hint: "give messages, or --file, or --count, or none of them to read stdin",
    });
  }
  if (messages.length > 0) return counted(messages.length, (at) => messages[at]!);
  if (count !== undefined) return counted(count, (at) => `sample message ${at + 1}`);
  if (file !== undefined) return linesOf(open(file), file);
  const stdin = { ...linesOf(Deno.stdin.readable, "stdin"), live: true } as const;
  return Deno.stdin.isTerminal() ? { ...stdin, typed: true } : stdin;
}

function open(path: string): ReadableStream<Uint8Array> {
  try {
    const file = Deno.openSync(path);
    if (!file.statSync().isDirectory) return file.readable;
    file.close();
    throw new Deno.errors.IsADirectory();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function counted(total: number, text: (at: number) => string): MessageSource {
  let stopped = false;
  async function* texts(): AsyncGenerator<readonly string[]> {
    for (let at = 0; at < total && !stopped; at += SAMPLES) {
      const length = Math.min(SAMPLES, total - at);
      yield Array.from({ length }, (_, n) => text(at + n));
    }
  }
  const place = (number: number) => `message ${number}`;
  return { texts: texts(), total, place, stop: () => stopped = true };
}

function linesOf(input: ReadableStream<Uint8Array>, name: string): MessageSource {
  const reader = input.getReader();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
    } catch (cause) {
      throw unreadable(name, cause);
    }
  }
  // Also ends a read that waits: only so can the process end while its stdin is open.
  const stop = () => void reader.cancel().catch(() => {});
  return { texts: splitLines(chunks(), name), place: (line) => `line ${line} of ${name}`, stop };
}

/**
 * Cuts bytes into lines; a last line needs no end. Throws `usage` for a line that is not UTF-8 or too
 * long, after all before it.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<readonly string[]> {
  const reader = new LineReader(name);
  for await (const chunk of chunks) yield* reader.take(chunk);
  yield* reader.end();
}

/** The lines of one stream, counted. */
class LineReader {
  readonly #name: string;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** A line that has not ended. */
  #rest: Uint8Array[] = [];
  #restBytes = 0;
  #line = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** The lines that end in this chunk. */
  *take(chunk: Uint8Array): Generator<readonly string[]> {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const whole = Buffer.concat([...this.#rest, chunk.subarray(0, end)]);
      this.#rest = [];
      this.#restBytes = 0;
      yield* this.#lines(whole.subarray(0, -1));
    }
    this.#rest.push(chunk.slice(end));
    this.#restBytes += chunk.length - end;
    if (this.#restBytes > MAX_LINE_BYTES + 1) throw this.#unusable(TOO_LONG);
  }

  /** The line that the stream ended in. */
  *end(): Generator<readonly string[]> {
    if (this.#restBytes > 0) yield* this.#lines(Buffer.concat(this.#rest));
  }

  *#lines(bytes: Buffer): Generator<readonly string[]> {
    let lines: string[];
    try {
      lines = this.#decoder.decode(bytes).split("\n");
    } catch {
      return yield* this.#oneByOne(bytes);
    }
    this.#line += lines.length;
    yield lines.map(withoutReturn);
  }

  /** Finds the line that is no text. */
  *#oneByOne(bytes: Buffer): Generator<readonly string[]> {
    for (let start = 0; start <= bytes.length;) {
      const found = bytes.indexOf(NEWLINE, start);
      const end = found === -1 ? bytes.length : found;
      let line: string;
      try {
        line = this.#decoder.decode(bytes.subarray(start, end));
      } catch {
        throw this.#unusable("it is not UTF-8 text");
      }
      this.#line++;
      yield [withoutReturn(line)];
      start = end + 1;
    }
  }

  /** Tells why the line after the last one cannot be sent. */
  #unusable(why: string): CipherMqError {
    const line = this.#line + 1;
    return new CipherMqError("usage", `cannot send line ${line} of ${this.#name}: ${why}`, {
      hint: `mend that line; everything from it on was not sent (tail -n +${line})`,
    });
  }
}

const TOO_LONG = `it is longer than ${MAX_LINE_BYTES} bytes, the most that can be sent`;

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function unreadable(name: string, cause: unknown): CipherMqError {
  const hint = "the path starts at the folder you are in";
  return systemError("usage", `cannot read messages from ${name}`, cause, hint);
}
