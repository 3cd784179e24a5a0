/**
 * Another project's server as a child process: on loopback, with throw-away files.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { delay } from "../lab/delay.ts";

/** How long a server may take to listen, in milliseconds. */
const START_MS = 60_000;
const RETRY_MS = 50;

/** A port that is free now. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return port;
}

/** Why a program cannot be run: it is not there. */
export function missingProgram(path: string): string | undefined {
  return existsSync(path) ? undefined : `${path} is not installed`;
}

/** One server process. */
export class Daemon {
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<[string, string]>;
  readonly #path: string;
  #ended = false;

  /** Starts a program with nothing of this one's environment but what is given. */
  constructor(path: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#path = path;
    this.#child = new Deno.Command(path, {
      args: [...args],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // Read all the time, so that it never waits for a reader.
    const text = (stream: ReadableStream<Uint8Array>) => new Response(stream).text();
    this.#output = Promise.all([text(this.#child.stdout), text(this.#child.stderr)]);
    void this.#child.status.then(() => this.#ended = true);
  }

  /** Its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Waits until it takes connections. Throws with what it said if it ends before that. */
  async listening(port: number): Promise<void> {
    for (const until = Date.now() + START_MS; Date.now() < until; await delay(RETRY_MS)) {
      if (this.#ended) break;
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return;
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      }
    }
    await this.stop();
    const said = (await this.#output).join("").slice(-2_000);
    throw new Error(`${this.#path} does not listen on port ${port}:\n${said}`);
  }

  /** Ends it and waits until it is gone. */
  async stop(): Promise<void> {
    if (!this.#ended) this.#child.kill("SIGTERM");
    await this.#child.status;
  }
}
