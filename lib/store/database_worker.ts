/**
 * The thread of a {@linkcode WorkerDatabase}: a database that is asked by messages. Nothing imports this
 * file but for its types; it is what the thread runs.
 *
 * @module
 */
import { CipherMqError, type ErrorCode } from "../base/errors.ts";
import { assert } from "../base/assert.ts";
import type { Database, DatabaseOptions } from "./database.ts";
import { LocalDatabase } from "./local_database.ts";

/** What the thread can be asked for, with what; the first thing is to open. */
export interface Requests {
  /** Opens the database. */
  open: [options: DatabaseOptions];
  /** {@linkcode Database.write}. */
  write: Parameters<Database["write"]>;
  /** {@linkcode Database.query}. */
  query: Parameters<Database["query"]>;
  /** {@linkcode Database.beginBackup}. */
  beginBackup: [];
  /** {@linkcode Database.readBackup}. */
  readBackup: [offset: number];
  /** {@linkcode Database.endBackup}. */
  endBackup: [];
  /** {@linkcode Database.close}. */
  close: [];
}

/** A message to the thread. */
export type Request = {
  readonly [Name in keyof Requests]: readonly [Name, ...Requests[Name]];
}[keyof Requests];

/** An error of this project, as far as messages between threads carry it. */
export interface ErrorParts {
  /** Its code. */
  readonly code: ErrorCode;
  /** Its text. */
  readonly text: string;
  /** Its hint. */
  readonly hint: string | undefined;
  /** What is underneath. */
  readonly cause: unknown;
}

/** A message from the thread. Requests are answered in their order. */
export type Answer = { readonly result: unknown } | { readonly failure: ErrorParts | Error };

/** The thread's end of the messages. Deno's types are those of a main thread. */
interface Port {
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage(answer: Answer, transfer: readonly ArrayBuffer[]): void;
}

const port = globalThis as unknown as Port;
let database: Database | undefined;

/** The last request. The next is begun when it is answered: whoever asked knows answers by their order. */
let last: Promise<void> = Promise.resolve();

port.onmessage = ({ data }) => {
  last = last.then(() => answer(data));
};

async function answer(request: Request): Promise<void> {
  try {
    const result = await serve(request);
    port.postMessage({ result }, [...new Set(buffersOf(result))]);
  } catch (error) {
    port.postMessage({ failure: partsOf(error) }, []);
  }
}

async function serve(request: Request): Promise<unknown> {
  if (request[0] === "open") {
    database = await LocalDatabase.open(request[1]);
    return;
  }
  assert(database !== undefined, "a database is opened first");
  switch (request[0]) {
    case "write":
      return database.write(request[1], request[2]);
    case "query":
      return database.query(...tail(request));
    case "beginBackup":
      return database.beginBackup();
    case "readBackup":
      return database.readBackup(request[1]);
    case "endBackup":
      return database.endBackup();
    case "close":
      return database.close();
  }
}

function tail([, ...rest]: readonly ["query", ...Requests["query"]]): Requests["query"] {
  return rest;
}

/** What is handed over to the other thread instead of being copied. */
function* buffersOf(value: unknown): Generator<ArrayBuffer> {
  if (value instanceof Uint8Array) yield value.buffer as ArrayBuffer;
  else if (value instanceof Map) yield* buffersOf([...value.values()]);
  else if (Array.isArray(value)) { for (const part of value) yield* buffersOf(part); }
}

function partsOf(error: unknown): ErrorParts | Error {
  if (error instanceof CipherMqError) {
    return { code: error.code, text: error.message, hint: error.hint, cause: error.cause };
  }
  return error instanceof Error ? error : new Error(String(error));
}
