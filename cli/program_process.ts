/**
 * This program again, as another process.
 *
 * @module
 */
import { CipherMqError } from "../lib/base/errors.ts";
import { PERMISSION_FLAGS } from "./permissions.ts";

/** How much of what a process said is kept for an error, in characters. */
const KEPT_OUTPUT = 4000;

/** What a process is started with. */
export interface ProgramProcessOptions {
  /** The folder it works in. */
  readonly cwd: string;
  /** Gets every line it prints on stdout. */
  readonly onData?: (line: string) => void;
  /** Gets every line it prints on stderr. */
  readonly onNote?: (line: string) => void;
}

/** A running `ciphermq`. */
export class ProgramProcess {
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #outputs: Promise<unknown>;
  #running = true;
  #said = "";

  /** Starts `ciphermq` with `args`. */
  constructor(args: readonly string[], options: ProgramProcessOptions) {
    this.#name = args[0] ?? "ciphermq";
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", ...PERMISSION_FLAGS, Deno.mainModule, ...args],
      cwd: options.cwd,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    void this.#child.status.then(() => this.#running = false);
    this.#input = this.#child.stdin.getWriter();
    this.#outputs = Promise.all([
      eachLine(this.#child.stdout, (line) => options.onData?.(line)),
      eachLine(this.#child.stderr, (line) => {
        this.#said = (this.#said + line + "\n").slice(-KEPT_OUTPUT);
        options.onNote?.(line);
      }),
    ]);
  }

  /** Writes lines to its stdin. */
  async write(lines: readonly string[]): Promise<void> {
    await this.#input.write(new TextEncoder().encode(lines.map((line) => line + "\n").join("")));
  }

  /** Ends its stdin. */
  async endInput(): Promise<void> {
    await this.#input.close();
  }

  /** Kills it, if it runs, as a power cut would: it gets no chance to do anything. */
  kill(): void {
    if (this.#running) this.#child.kill("SIGKILL");
  }

  /** Asks it to stop, if it runs. */
  stop(): void {
    if (this.#running) this.#child.kill("SIGTERM");
  }

  /** Waits for its end, and that all it printed was handed over. Gives the exit code. */
  async ended(): Promise<number> {
    const [{ code }] = await Promise.all([this.#child.status, this.#outputs]);
    // Its stdin may be closed by its end or by endInput.
    await this.#input.close().catch(() => undefined);
    return code;
  }

  /** Waits for its end; throws with what it said if it failed. */
  async succeeded(): Promise<void> {
    const code = await this.ended();
    if (code === 0) return;
    throw new CipherMqError(
      "partial",
      `${this.#name} ended with exit code ${code}:\n${this.#said}`,
    );
  }
}

async function eachLine(
  bytes: ReadableStream<Uint8Array>,
  handle: (line: string) => void,
): Promise<void> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) handle(line);
  }
  if (rest !== "") handle(rest);
}
