/**
 * A database on a thread of its own: a disk that is slow or stalls holds up commits, and nothing else.
 *
 * A Web Worker, not one of `node:worker_threads`: under Deno those take 60 times as long for a row of
 * bodies (13 ms instead of 0.2).
 *
 * @module
 */
import { CipherMqError } from "../base/errors.ts";
import { Fifo } from "../base/fifo.ts";
import type { Bodies, Database, DatabaseOptions, Operation } from "./database.ts";
import type { Answer, ErrorParts, Request } from "./database_worker.ts";
import type { QueryName, QueryRows } from "./sqlite_statements.ts";

/** Stands for a database on another thread. When that thread dies, every call rejects with `storage`. */
export class WorkerDatabase implements Database {
  readonly #path: string;
  readonly #worker: Worker;
  /** Those whose answers are to come, in order. */
  readonly #waiting = new Fifo<PromiseWithResolvers<unknown>>();
  #failure: CipherMqError | undefined;
  #closed: Promise<void> | undefined;

  private constructor(path: string) {
    this.#path = path;
    const script = new URL("./database_worker.ts", import.meta.url);
    this.#worker = new Worker(script, { type: "module", name: "database" });
    this.#worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#take(data);
    this.#worker.onmessageerror = () => this.#died("a message could not be read");
    this.#worker.onerror = (event) => {
      // Else it ends the program: here it is the store that fails.
      event.preventDefault();
      this.#died(event.message);
    };
  }

  /** Opens the database of a claimed file, or makes it, on a new thread. */
  static async open(options: DatabaseOptions): Promise<WorkerDatabase> {
    const database = new WorkerDatabase(options.path);
    try {
      await database.#ask(["open", options]);
      return database;
    } catch (error) {
      database.#worker.terminate();
      throw error;
    }
  }

  /** Writes as one transaction. Until the bodies come back the caller's arrays are empty. */
  write(operations: readonly Operation[], bodies: Bodies): Promise<Bodies> {
    const buffers = Array.from(bodies.values(), (data) => data.buffer);
    return this.#ask<Bodies>(["write", operations, bodies], buffers);
  }

  /** The rows that a query finds. */
  query<Name extends QueryName>(name: Name, ...parameters: number[]): Promise<QueryRows[Name][]> {
    return this.#ask(["query", name, ...parameters]);
  }

  /** Begins a copy, unless something failed before. */
  beginBackup(): Promise<number> {
    return this.#ask(["beginBackup"]);
  }

  /** Some bytes of the copy. */
  readBackup(offset: number): Promise<Uint8Array> {
    return this.#ask(["readBackup", offset]);
  }

  /** Ends the copy, if there is one; a thread that has ended has none. */
  async endBackup(): Promise<void> {
    if (this.#failure === undefined) await this.#ask(["endBackup"]);
  }

  /** Releases the file and ends the thread. */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    try {
      if (this.#failure === undefined) await this.#ask(["close"]);
    } finally {
      this.#worker.terminate();
      this.#fail(new CipherMqError("storage", `the database ${this.#path} is closed`));
    }
  }

  #ask<T>(request: Request, transfer: ArrayBuffer[] = []): Promise<T> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const answer = Promise.withResolvers<unknown>();
    this.#worker.postMessage(request, transfer);
    this.#waiting.push(answer);
    return answer.promise as Promise<T>;
  }

  #take(answer: Answer): void {
    // What a thread said before it died may come after the news of its death.
    if (this.#failure !== undefined) return;
    const { resolve, reject } = this.#waiting.shift()!;
    if ("result" in answer) resolve(answer.result);
    else reject(errorOf(answer.failure));
  }

  #died(why: string): void {
    this.#fail(
      new CipherMqError("storage", `the thread of the database ${this.#path} ended: ${why}`, {
        hint: "start the broker again; what it had acknowledged is on the disk",
      }),
    );
  }

  #fail(failure: CipherMqError): void {
    this.#failure ??= failure;
    for (const { reject } of this.#waiting.drain()) reject(this.#failure);
  }
}

function errorOf(failure: ErrorParts | Error): Error {
  if (failure instanceof Error) return failure;
  const { code, text, hint, cause } = failure;
  return new CipherMqError(code, text, { cause, ...(hint === undefined ? {} : { hint }) });
}
