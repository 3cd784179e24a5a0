/**
 * `send` and `receive` as their users run them: fed numbered lines, cut off, struck, and compared at the
 * end with what was written.
 *
 * @module
 */
import type { Program } from "../support/processes.ts";
import { textsFrom } from "../support/received.ts";
import { BrokenPromise, requireSame } from "../support/promises.ts";
import { rest, type World } from "./world.ts";

const FED_LINES = 20;
const FED_EVERY_MS = 100;

/** One run of `send`. */
interface Run {
  readonly program: Program;
  /** Resolves when it is fed no more. */
  feeding: Promise<void>;
  feeds: boolean;
  /** Lines it was fed. */
  lines: number;
  /** How many of them must arrive. */
  owed: number;
}

/** A sender that feeds a receiver. */
export class Pipeline {
  readonly #world: World;
  readonly #sender: string;
  readonly #receiver: string;
  readonly #spool: boolean;
  readonly #runs: Run[] = [];
  readonly #received: string[] = [];
  #receiving: Program | undefined;
  #lookedBytes = 0;

  /** `spool` is whether the sender keeps one. */
  constructor(world: World, names: { sender: string; receiver: string; spool: boolean }) {
    this.#world = world;
    this.#sender = names.sender;
    this.#receiver = names.receiver;
    this.#spool = names.spool;
  }

  /** Starts what is not running. */
  start(): void {
    this.#receiving ??= this.#world.run(
      "receive",
      "--as",
      this.#receiver,
      "--output",
      this.#output,
    );
    if (this.#runs.at(-1)?.feeds !== true) this.#startSender();
  }

  /** The process ids of the sender and the receiver. */
  get pids(): { sender: number; receiver: number } {
    return { sender: this.#runs.at(-1)!.program.pid, receiver: this.#receiving!.pid };
  }

  /** Lines that the sender of now was fed. */
  get fed(): number {
    return this.#runs.at(-1)!.lines;
  }

  /** Ends the sender as a user or a crash would, and starts another one. */
  async strikeSender(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#world.count(`senders ended by ${signal}`);
    const run = this.#runs.at(-1)!;
    run.feeds = false;
    run.program.signal(signal);
    await run.program.end();
    await run.feeding;
    run.owed = owed(run.program, this.#spool);
    this.#startSender();
  }

  /** Ends the receiver and starts another one that goes on. */
  async strikeReceiver(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#world.count(`receivers ended by ${signal}`);
    const receiving = this.#receiving!;
    receiving.signal(signal);
    const status = await receiving.end();
    if (signal === "SIGTERM" && status.code !== 0) {
      throw new BrokenPromise(`receive ended with ${status.code}: ${receiving.stderr.text}`);
    }
    this.#receiving = undefined;
    this.start();
  }

  /** Reads the whole lines that came since the last look. */
  look(): void {
    const path = this.#world.workspace.path(this.#output);
    const { texts, end } = textsFrom(path, this.#lookedBytes);
    this.#received.push(...texts);
    this.#lookedBytes = end;
  }

  /** Sends everything, waits until it has arrived and looks at it. */
  async finish(): Promise<void> {
    const last = this.#runs.at(-1)!;
    last.feeds = false;
    await last.feeding;
    await last.program.endInput();
    await last.program.success(120_000);
    last.owed = last.lines;
    const marker = "the end";
    await this.#world.run(...this.#sending, marker).success();
    await this.#arrived(marker);
    this.#receiving!.signal("SIGTERM");
    await this.#receiving!.success();
    this.#check();
  }

  get #output(): string {
    return `${this.#receiver}.jsonl`;
  }

  get #sending(): string[] {
    const spool = this.#spool ? ["--spool", `${this.#sender}-spool`] : [];
    return ["send", "--as", this.#sender, "--to", this.#receiver, "--json", ...spool];
  }

  #startSender(): void {
    const program = this.#world.run(...this.#sending);
    const run: Run = { program, feeding: Promise.resolve(), feeds: true, lines: 0, owed: 0 };
    // It may be killed before it has read everything.
    run.feeding = feed(run, this.#runs.length).catch(() => {});
    this.#runs.push(run);
  }

  async #arrived(marker: string): Promise<void> {
    const endMs = performance.now() + 120_000;
    for (this.look(); this.#received.at(-1) !== marker; this.look()) {
      if (performance.now() > endMs) throw new BrokenPromise(`${this.#output} has no ${marker}`);
      await rest(200);
    }
  }

  /**
   * Each run's lines from its first on, each once, and all that were promised. Their order is that of
   * first deliveries, which a receiver that is cut off may have missed: see `pairs.ts`.
   */
  #check(): void {
    const byRun = Map.groupBy(this.#received, (text) => text.split(" ")[0]!);
    for (const [number, { owed }] of this.#runs.entries()) {
      const found = (byRun.get(String(number)) ?? []).toSorted(byLine);
      const expected = Array.from(
        { length: Math.max(found.length, owed) },
        (_, n) => `${number} ${n}`,
      );
      requireSame(`run ${number} of ${this.#sender}`, found, expected);
      this.#world.count("messages of programs", found.length);
    }
  }
}

function byLine(one: string, other: string): number {
  return Number(one.split(" ")[1]) - Number(other.split(" ")[1]);
}

async function feed(run: Run, number: number): Promise<void> {
  while (run.feeds) {
    const lines = Array.from({ length: FED_LINES }, (_, n) => `${number} ${run.lines + n}`);
    await run.program.write(`${lines.join("\n")}\n`);
    run.lines += FED_LINES;
    await rest(FED_EVERY_MS);
  }
}

/** How many messages an ended sender said that it took or that the broker has. */
function owed({ stdout }: Program, spool: boolean): number {
  const told = stdout.lines.map((line) => JSON.parse(line)[spool ? "taken" : "acknowledged"]);
  return told.filter((count) => count !== undefined).at(-1) ?? 0;
}
