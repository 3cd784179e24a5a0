/**
 * A load process as the benchmark holds it.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { LoadReport, LoadTask } from "../load/task.ts";
import { ProcessMeter, type Usage } from "./process_meter.ts";

/** How long a run may take, in milliseconds. */
const PATIENCE_MS = 300_000;
const MAIN = fileURLToPath(new URL("../load/main.ts", import.meta.url));

/** One sender or receiver. */
export class LoadProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #task: LoadTask;
  #text = "";
  #ended = false;
  #meter: ProcessMeter | undefined;

  private constructor(task: LoadTask) {
    this.#task = task;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--allow-all", MAIN, JSON.stringify(task)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    void this.#child.status.then(() => this.#ended = true);
    this.#input = this.#child.stdin.getWriter();
    // It may end without reading.
    this.#input.closed.catch(() => {});
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts one and waits until it is connected. */
  static async connect(task: LoadTask): Promise<LoadProcess> {
    const load = new LoadProcess(task);
    await load.#line();
    return load;
  }

  /** Lets it begin, and waits for its report. */
  async run(): Promise<LoadReport> {
    this.#meter = new ProcessMeter(this.#child.pid);
    await this.#input.write(new TextEncoder().encode("go\n"));
    const timer = setTimeout(() => !this.#ended && this.#child.kill("SIGKILL"), PATIENCE_MS);
    try {
      return JSON.parse(await this.#line()) as LoadReport;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What it has used since it began. */
  get usage(): Usage {
    return this.#meter!.read();
  }

  /** Ends it, whether it has run or not: after its report it has nothing more to do. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
  }

  async #line(): Promise<string> {
    let end;
    while ((end = this.#text.indexOf("\n")) < 0) {
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`a ${this.#task.client} process to ${this.#task.role} has ended`);
      this.#text += value;
    }
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }
}
