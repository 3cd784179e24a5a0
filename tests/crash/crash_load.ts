/**
 * A broker under load that is struck again and again: the real program with `send --spool`, `receive`,
 * and publishers and a consumer that know exactly what they were told. After some strikes the load
 * ends, everything drains, and each promise is looked at.
 *
 * @module
 */
import { declareQueues, queued, take } from "../support/commands.ts";
import { LoadConsumer, LoadPublisher } from "../support/load.ts";
import { PATIENCE_MS, type Program, type ProgramOptions } from "../support/processes.ts";
import {
  BrokenPromise,
  requireConsumed,
  requireNoRefusals,
  requireOrder,
  requireSame,
} from "../support/promises.ts";
import { textsFrom } from "../support/received.ts";
import { moment, sizeOf, until } from "../support/waiting.ts";
import type { Workspace } from "../support/workspace.ts";

const OUTPUT = "received.jsonl";
const SPOOL = ["--spool", "spool", "--json"];
/** Lines that a sender is fed at once, and how often. */
const FED_LINES = 20;
const FED_EVERY_MS = 10;
/** More progress than this is not waited for before a strike. */
const MOST_MS = 600;

/** One run of `send` with a spool, fed numbered lines. */
class SpoolSender {
  readonly program: Program;
  readonly #run: number;
  readonly #feeding: Promise<void>;
  #feeds = true;
  #lines = 0;

  constructor(workspace: Workspace, run: number) {
    this.#run = run;
    this.program = workspace.send(...SPOOL);
    // It may be killed before it has read everything.
    this.#feeding = this.#feed().catch(() => {});
  }

  /** How many messages it said that it took. */
  get taken(): number {
    const told = this.program.stdout.lines.map((line) => JSON.parse(line).taken);
    return told.filter((count) => count !== undefined).at(-1) ?? 0;
  }

  /** Lets it send everything and end. */
  async finish(): Promise<void> {
    this.#feeds = false;
    await this.#feeding;
    await this.program.endInput();
    const { code } = await this.program.end();
    // What it took is in its spool, and the next one sends it.
    if (code !== 0 && !foundNoBroker(this.program)) throw endedByItself(this.program);
  }

  async kill(): Promise<void> {
    this.#feeds = false;
    await this.program.kill();
    await this.#feeding;
  }

  async #feed(): Promise<void> {
    while (this.#feeds) {
      const lines = Array.from({ length: FED_LINES }, () => `${this.#run} ${this.#lines++}`);
      await this.program.write(`${lines.join("\n")}\n`);
      await new Promise((resolve) => setTimeout(resolve, FED_EVERY_MS));
    }
  }
}

/** What a strike hits. */
export type Target = "broker" | "sender" | "receiver";

/** The processes and what they have done. */
export class CrashLoad {
  /** Processes that were struck. */
  struck = 0;
  /** Messages that were ACKed, or taken by a sender. */
  messages = 0;
  readonly #workspace: Workspace;
  readonly #brokerOptions: Omit<ProgramOptions, "cwd">;
  readonly #output: string;
  readonly #taken: number[] = [];
  #broker!: Program;
  #receiver!: Program;
  #sender!: SpoolSender;
  #segment = 0;
  #checkedBytes = 0;
  #checkedRuns = 0;

  private constructor(workspace: Workspace, brokerOptions: Omit<ProgramOptions, "cwd">) {
    this.#workspace = workspace;
    this.#brokerOptions = brokerOptions;
    this.#output = workspace.path(OUTPUT);
  }

  /** The clients that a workspace needs for it. */
  static readonly clients = ["sender_1", "receiver_1", "publisher", "consumer", "backlog"];

  /** Starts the processes. */
  static async start(
    workspace: Workspace,
    brokerOptions: Omit<ProgramOptions, "cwd"> = {},
  ): Promise<CrashLoad> {
    const load = new CrashLoad(workspace, brokerOptions);
    await load.restart(["broker"]);
    const client = await workspace.connect("sender_1");
    await declareQueues(client, "receiver_1", "consumer", "backlog");
    client.close();
    await load.restart(["receiver"]);
    return load;
  }

  /**
   * Strikes the load so often with `strike`, lets everything drain and looks at it. Throws
   * {@linkcode BrokenPromise} for what was promised and is not so.
   */
  async segment(strikes: number, strike: () => Promise<void>): Promise<void> {
    const prefix = `s${this.#segment++}`;
    const connect = (name: string) => () => this.#workspace.connect(name);
    const publisher = new LoadPublisher(connect("publisher"), "consumer", prefix);
    const backlog = new LoadPublisher(connect("backlog"), "backlog", prefix);
    const consumer = new LoadConsumer(connect("consumer"), "consumer");
    const publishers = [publisher, backlog];
    await this.restart(["sender"]);
    try {
      for (let n = 0; n < strikes; n++) {
        await this.#keepRunning("broker", "sender", "receiver");
        const before = publishers.map((one) => one.acked.size);
        const outputBefore = sizeOf(this.#output);
        const endMs = performance.now() + MOST_MS;
        await until("publishes and lines", () => {
          requireNoRefusals(publisher, backlog, consumer);
          return publishers.every((one, i) => one.acked.size > before[i]! + FED_LINES) &&
            (sizeOf(this.#output) > outputBefore || performance.now() > endMs);
        });
        await moment(60);
        await strike();
      }
      await this.#drain(publishers, consumer);
      requireNoRefusals(publisher, backlog, consumer);
      requireConsumed(publisher, consumer);
      requireOrder(publisher, consumer);
      await this.#checkBacklog(backlog);
      this.#checkReceived();
      for (const { acked } of publishers) this.messages += acked.size;
    } finally {
      for (const one of publishers) one.stop();
      consumer.finish(0);
    }
  }

  /** Stops all processes where they are, as a machine without power does. They can only be killed then. */
  freeze(): void {
    for (const one of [this.#broker, this.#receiver, this.#sender.program]) one.signal("SIGSTOP");
  }

  /** Kills processes at once. */
  async kill(targets: readonly Target[]): Promise<void> {
    this.struck += targets.length;
    await Promise.all(targets.map(async (target) => {
      if (target === "broker") return await this.#broker.kill();
      if (target === "receiver") return await this.#receiver.kill();
      await this.#sender.kill();
      this.#noteRun();
    }));
  }

  /** Starts processes that are not running. */
  async restart(targets: readonly Target[]): Promise<void> {
    if (targets.includes("broker")) {
      this.#broker = await this.#workspace.serve(this.#brokerOptions).catch((error) => {
        throw new BrokenPromise(`the broker does not come back: ${error}`);
      });
    }
    if (targets.includes("receiver")) {
      this.#receiver = this.#workspace.receive("--output", OUTPUT);
    }
    if (targets.includes("sender")) {
      this.#sender = new SpoolSender(this.#workspace, this.#taken.length);
    }
  }

  /** Nobody but us ends them, but a client that finds no broker at first gives up and is started again. */
  async #keepRunning(...targets: readonly Target[]): Promise<void> {
    const processes = {
      broker: this.#broker,
      receiver: this.#receiver,
      sender: this.#sender.program,
    };
    for (const target of targets) {
      const one = processes[target];
      if (one.isRunning) continue;
      await one.end();
      if (!foundNoBroker(one)) throw endedByItself(one);
      if (target === "sender") {
        await this.#sender.kill();
        this.#noteRun();
      }
      await this.restart([target]);
    }
  }

  #noteRun(): void {
    this.#taken.push(this.#sender.taken);
    this.messages += this.#sender.taken;
  }

  async #drain(publishers: readonly LoadPublisher[], consumer: LoadConsumer): Promise<void> {
    await this.#sender.finish();
    this.#noteRun();
    // A marker that comes after all else of the same sender.
    const marker = `marker ${this.#segment}`;
    await this.#workspace.send(...SPOOL, marker).success();
    const markerByMs = performance.now() + PATIENCE_MS;
    while (this.#received().texts.at(-1) !== marker) {
      if (performance.now() > markerByMs) throw new BrokenPromise(`${marker} does not arrive`);
      await this.#keepRunning("broker", "receiver");
      await moment(20);
    }
    for (const publisher of publishers) {
      publisher.stop();
      await publisher.done;
    }
    await this.#untilEmpty("consumer");
    // What it was given and is not on disk will never be confirmed.
    const endMs = performance.now() + MOST_MS;
    await until("confirmations", () => consumer.isSettled || performance.now() > endMs);
  }

  async #untilEmpty(queue: string): Promise<void> {
    const client = await this.#workspace.connect("sender_1");
    while (await queued(client, queue) > 0) await moment(20);
    client.close();
  }

  async #checkBacklog({ acked }: LoadPublisher): Promise<void> {
    const client = await this.#workspace.connect("backlog");
    const ids = await take(client, "backlog", await queued(client, "backlog"));
    client.close();
    requireSame("the backlog", ids, [...acked]);
  }

  /** Each run's lines from its first on, each once, run after run, and all that were taken. */
  #checkReceived(): void {
    const { texts: received, end } = this.#received();
    const expected: string[] = [];
    for (let run = this.#checkedRuns; run < this.#taken.length; run++) {
      const arrived = received.filter((text) => text.startsWith(`${run} `)).length;
      if (arrived < this.#taken[run]!) {
        throw new BrokenPromise(`of run ${run} ${arrived} arrived, ${this.#taken[run]} were taken`);
      }
      for (let n = 0; n < arrived; n++) expected.push(`${run} ${n}`);
    }
    requireSame("the received lines", received.slice(0, -1), expected);
    this.#checkedBytes = end;
    this.#checkedRuns = this.#taken.length;
  }

  /** Whole lines since the last check. */
  #received(): { readonly texts: readonly string[]; readonly end: number } {
    return textsFrom(this.#output, this.#checkedBytes);
  }
}

/** Whether a client found no broker when it connected for the first time. */
function foundNoBroker({ stderr }: Program): boolean {
  return stderr.text.includes("nothing listens there");
}

function endedByItself({ args, stderr }: Program): BrokenPromise {
  return new BrokenPromise(`${args[0]} ended by itself: ${stderr.text.slice(-1_000)}`);
}
