/**
 * The program as its users run it: separate processes, stopped, killed and waited for by what they
 * say, not by sleeping.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** How long anything may take on a busy machine before a test gives up, in milliseconds. */
export const PATIENCE_MS = 30_000;

/** The permissions that the launcher gives. */
const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  serve: ["--allow-net", "--allow-read", "--allow-write", "--allow-sys=statfs"],
  receive: ["--allow-net", "--allow-read", "--allow-write"],
  backup: ["--allow-net", "--allow-read", "--allow-write"],
  send: ["--allow-net", "--allow-read"],
  stats: ["--allow-net", "--allow-read"],
  "dead-letters": ["--allow-net", "--allow-read"],
  "declare-queue": ["--allow-net", "--allow-read"],
};

/** What a process has printed on one stream, line by line. */
export class Output {
  /** Everything printed. */
  text = "";
  /** Complete lines. */
  readonly lines: string[] = [];
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
  #partial = "";
  #open = true;
  #wake = Promise.withResolvers<void>();

  /** Reads `stream` to its end. */
  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.#read(stream);
  }

  /** Waits until `find` gives something for the lines so far; nothing if the stream ends first. */
  async until<T>(find: (lines: readonly string[]) => T | undefined): Promise<T | undefined> {
    while (true) {
      const { promise } = this.#wake;
      const found = find(this.lines);
      if (found !== undefined || !this.#open) return found;
      await promise;
    }
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.text += text;
      const lines = (this.#partial + text).split("\n");
      this.#partial = lines.pop()!;
      for (const line of lines) this.lines.push(line);
      this.#notify();
    }
    this.#open = false;
    this.#notify();
  }

  #notify(): void {
    const { resolve } = this.#wake;
    this.#wake = Promise.withResolvers<void>();
    resolve();
  }
}

/** How to start the program. */
export interface ProgramOptions {
  /** The folder to run in. */
  cwd: string;
  /** More environment. */
  env?: Record<string, string>;
  /** A command that runs the command after it, such as `["strace", "-f"]`. */
  through?: readonly string[];
}

/** One run of `ciphermq`. */
export class Program implements AsyncDisposable {
  /** What it was started with. */
  readonly args: readonly string[];
  /** Its data. */
  readonly stdout: Output;
  /** Its log, and what it tells a person. */
  readonly stderr: Output;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  #running = true;

  /** Starts `ciphermq` with `args`, its subcommand first. */
  constructor(args: readonly string[], { cwd, env = {}, through = [] }: ProgramOptions) {
    this.args = args;
    const command = [
      ...through,
      Deno.execPath(),
      "run",
      "--no-prompt",
      "--frozen",
      ...(PERMISSIONS[args[0] ?? ""] ?? ["--allow-read", "--allow-write"]),
      ...(args.includes("--spool") ? ["--allow-write"] : []),
      "--allow-env=CIPHERMQ_*,NO_COLOR,FORCE_COLOR,CLICOLOR_FORCE",
      "--ignore-env",
      MAIN,
      ...args,
    ];
    this.#child = new Deno.Command(command[0]!, {
      args: command.slice(1),
      cwd,
      env: { ...env, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.stdout = new Output(this.#child.stdout);
    this.stderr = new Output(this.#child.stderr);
    this.#input = this.#child.stdin.getWriter();
    // It may end without reading; then writing says so.
    this.#input.closed.catch(() => {});
    void this.#child.status.then(() => this.#running = false);
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Whether it has not ended yet. */
  get isRunning(): boolean {
    return this.#running;
  }

  /** Writes to its standard input. Rejects when it does not read any more. */
  async write(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Ends its standard input. */
  async endInput(): Promise<void> {
    await this.#input.close().catch(() => {});
  }

  /** Sends it a signal, unless it has ended. */
  signal(signal: Deno.Signal): void {
    if (this.#running) this.#child.kill(signal);
  }

  /** Waits until it has ended well. Throws with all it said if it ended otherwise. */
  async success(withinMs = PATIENCE_MS): Promise<void> {
    const { code } = await this.end(withinMs);
    if (code !== 0) throw this.#failure(`it ended with exit code ${code}`);
  }

  /** Waits until it has ended, and gives how. */
  async end(withinMs = PATIENCE_MS): Promise<Deno.CommandStatus> {
    const status = await this.#within(withinMs, "it has not ended", this.#child.status);
    await Promise.all([this.stdout.ended, this.stderr.ended]);
    return status;
  }

  /** Kills it, as a power cut would, and waits until it is gone. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.end();
  }

  /** Waits for a line of its log whose message is `message`, from the `skip`th such line on. */
  async event(message: string, skip = 0): Promise<Record<string, unknown>> {
    return await this.until("stderr", (lines) => {
      const events = lines.map(parseEvent).filter((event) => event?.message === message);
      return events[skip];
    });
  }

  /** Waits until `find` gives something for the lines of a stream. Throws if it ends without it. */
  async until<T>(
    stream: "stdout" | "stderr",
    find: (lines: readonly string[]) => T | undefined,
    withinMs = PATIENCE_MS,
  ): Promise<T> {
    const what = `its ${stream} has not what was waited for`;
    const found = await this.#within(withinMs, what, this[stream].until(find));
    if (found === undefined) throw this.#failure(what);
    return found;
  }

  /** Ends it, whatever it does. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.#child.status;
    await this.endInput();
    await Promise.all([this.stdout.ended, this.stderr.ended]);
  }

  async #within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(this.#failure(`${what} in ${ms} ms`)), ms);
    try {
      return await Promise.race([promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #failure(what: string): Error {
    const tail = (text: string) => text.slice(-3000);
    return new Error(
      `ciphermq ${this.args.join(" ")}: ${what}\n--- stdout\n${tail(this.stdout.text)}` +
        `\n--- stderr\n${tail(this.stderr.text)}`,
    );
  }
}

function parseEvent(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Resident memory of a process in bytes, where the system tells (Linux). */
export function residentBytes(pid: number): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
  return Number(kilobytes) * 1024;
}
