/**
 * Where the messages of `send` come from: one text per line, a chunk's lines at a time.
 *
 * @module
 */
import { CipherMqError } from "../lib/base/errors.ts";

/** Texts to send, some at a time. */
export interface MessageSource {
  /** The texts. */
  readonly texts: AsyncIterable<readonly string[]>;
  /** How many there are, where that is known. */
  readonly total?: number;
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
/** The longest line, in UTF-16 units: no sealed message may be longer. */
const MAX_LINE_LENGTH = 16 * 1024 * 1024;

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

function open(file: string): ReadableStream<Uint8Array> {
  try {
    return Deno.openSync(file).readable;
  } catch (cause) {
    throw sourceError(file, cause);
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
  return { texts: texts(), total, stop: () => stopped = true };
}

function linesOf(input: ReadableStream<Uint8Array>, name: string): MessageSource {
  const reader = input.getReader();
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  }
  async function* texts(): AsyncGenerator<readonly string[]> {
    try {
      yield* splitLines(chunks());
    } catch (cause) {
      throw sourceError(name, cause);
    }
  }
  // Also ends a read that waits: only so can the process end while its stdin is open.
  const stop = () => void reader.cancel().catch(() => {});
  return { texts: texts(), stop };
}

/** Cuts bytes into lines; a last line needs no end. Throws for what is not UTF-8 or too long. */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let rest = "";
  const cut = (text: string) => {
    const lines = text.split("\n");
    rest = lines.pop()!;
    if (rest.length > MAX_LINE_LENGTH) throw new RangeError("a line is too long to be sent");
    return lines.map(withoutReturn);
  };
  for await (const chunk of chunks) {
    const lines = cut(rest + decoder.decode(chunk, { stream: true }));
    if (lines.length > 0) yield lines;
  }
  rest += decoder.decode();
  if (rest.length > 0) yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function sourceError(name: string, cause: unknown): CipherMqError {
  const why = cause instanceof Deno.errors.NotFound
    ? "there is no such file"
    : cause instanceof TypeError
    ? "it is not UTF-8 text"
    : cause instanceof Error
    ? cause.message
    : String(cause);
  return new CipherMqError("usage", `cannot read messages from ${name}: ${why}`, { cause });
}
