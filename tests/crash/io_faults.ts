/**
 * One call of the broker to its files fails, once: it must stop with an error that says so, or go on
 * if the call was of no importance. Afterwards all that was answered is so, and what was not answered
 * can be said again.
 *
 * @module
 */
import assert from "node:assert/strict";
import { declareQueues, drain, messageId, publishBatch } from "../support/commands.ts";
import type { Program } from "../support/processes.ts";
import type { RawClient } from "../support/raw_client.ts";
import { Workspace } from "../support/workspace.ts";

const DATABASE = "broker.db";
/** The files whose calls fail. */
const FILES = ["", "-wal", "-journal", "-shm", ".ballast"].map((suffix) => DATABASE + suffix);
const TRACE = "strace.out";
/** A run: so many times a batch of publishes and some acks, 200 operations in all. */
const ROUNDS = 10;
const PUBLISHES = 15;
const ACKS = 5;

/** Calls that can fail. */
export const FAILING_CALLS = [
  "openat",
  "pwrite64",
  "write",
  "fsync",
  "fdatasync",
  "ftruncate",
  "unlink",
] as const;
/** The name of a system call. */
export type Call = (typeof FAILING_CALLS)[number];

const ERRORS = ["EIO", "ENOSPC"] as const;

/** One call that fails. */
export interface Fault {
  readonly call: Call;
  readonly error: typeof ERRORS[number];
  /** Which of these calls of a thread, from 1 on. */
  readonly nth: number;
}

/** What a broker did that met a fault: it never listened, stopped, or was not troubled. */
type Outcome = "did not start" | "stopped" | "went on";

/** What is known of a run from what the broker answered. */
class Run {
  readonly sent: string[] = [];
  readonly acked = new Set<string>();
  readonly removing = new Set<string>();
  readonly removed = new Set<string>();

  /** Does the 200 operations, or those until the broker is gone: then false. */
  async operate(workspace: Workspace): Promise<boolean> {
    const receiver = await connected(workspace, "receiver_1");
    if (receiver === undefined || !await this.#declare(receiver)) return false;
    const sender = await connected(workspace, "sender_1");
    if (sender === undefined) return false;
    for (let round = 0; round < ROUNDS; round++) {
      if (!await this.#publish(sender) || !await this.#acknowledge(receiver)) return false;
    }
    return true;
  }

  async #declare(receiver: RawClient): Promise<boolean> {
    try {
      await declareQueues(receiver, "receiver_1");
      return await receiver.ask("consume receiver_1") !== undefined;
    } catch (error) {
      // No answer is what a stopped broker gives; any other one is wrong.
      const { actual } = error as { actual?: unknown };
      if (error instanceof assert.AssertionError && actual !== undefined) throw error;
      return false;
    }
  }

  async #publish(sender: RawClient): Promise<boolean> {
    const ids = Array.from({ length: PUBLISHES }, (_, i) => `m-${this.sent.length + i}`);
    this.sent.push(...ids);
    await sender.write(publishBatch(ids)).catch(() => {});
    for (const id of ids) {
      const line = await sender.line();
      if (line === undefined) return false;
      assert.equal(line, `ACK ${id}`);
      this.acked.add(id);
    }
    return true;
  }

  async #acknowledge(receiver: RawClient): Promise<boolean> {
    const ids: string[] = [];
    for (let n = 0; n < PUBLISHES; n++) {
      const line = await receiver.line();
      if (line === undefined) return false;
      if (n < ACKS) ids.push(messageId(line));
    }
    for (const id of ids) this.removing.add(id);
    await receiver.write(ids.map((id) => `ack ${id}\n`).join("")).catch(() => {});
    for (const id of ids) {
      const line = await receiver.line();
      if (line === undefined) return false;
      assert.equal(line, `ACK_CONFIRMED ${id}`);
      this.removed.add(id);
    }
    return true;
  }
}

async function connected(workspace: Workspace, name: string): Promise<RawClient | undefined> {
  return await workspace.connect(name).catch(() => undefined);
}

/** Runs brokers with faults, one after the other, each with a new database. */
export class FaultyDisk implements AsyncDisposable {
  readonly #workspace: Workspace;

  private constructor(workspace: Workspace) {
    this.#workspace = workspace;
  }

  /** Makes a workspace for it. */
  static async make(): Promise<FaultyDisk> {
    return new FaultyDisk(await Workspace.make());
  }

  /** Each fault that a run can meet, one for each call that it makes. */
  async faults(): Promise<Fault[]> {
    const { trace } = await this.#run(["-e", `trace=${FAILING_CALLS.join(",")}`]);
    return FAILING_CALLS.flatMap((call) => {
      const count = trace.split(`${call}(`).length - 1;
      const nths = Array.from({ length: count }, (_, n) => n + 1);
      return nths.flatMap((nth) => ERRORS.map((error) => ({ call, error, nth })));
    });
  }

  /**
   * A run in which a call fails; tells which file it was about and what the broker did. Throws if the
   * broker does anything that it must not.
   */
  async try({ call, error, nth }: Fault): Promise<string> {
    const inject = `inject=${call}:error=${error}:when=${nth}`;
    const { trace, outcome } = await this.#run(["-e", `trace=${call}`, "-e", inject]);
    const met = trace.indexOf("(INJECTED)");
    if (met < 0) return `${call}: not met`;
    const line = trace.slice(trace.lastIndexOf("\n", met) + 1, met);
    const file = /\/(broker\.db[\w.-]*)[>"]/.exec(line)?.[1];
    const isClosing = trace.lastIndexOf("--- SIGTERM", met) >= 0;
    const isHarmless = outcome === "went on";
    assert(isClosing || !isHarmless || !isStored(call, file), `the broker went on after: ${line}`);
    return `${call} ${file}${isClosing ? " when closing" : ""}: ${outcome}`;
  }

  /** The control: a disk that says it writes and does not, from the `nth` write on. Throws as it should. */
  async lie(nth: number): Promise<void> {
    // SQLite takes a larger number of bytes than it gave for all of them.
    const inject = `inject=pwrite64:retval=16384:when=${nth}+`;
    await this.#run(["-e", "trace=pwrite64", "-e", inject]);
  }

  /** Ends what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workspace[Symbol.asyncDispose]();
  }

  /** Runs a broker under strace and then one without on the same files. */
  async #run(tampering: readonly string[]): Promise<{ trace: string; outcome: Outcome }> {
    for (const file of [...FILES, TRACE]) {
      await Deno.remove(this.#workspace.path(file)).catch(() => {});
    }
    const files = FILES.flatMap((file) => ["-P", this.#workspace.path(file)]);
    await using broker = this.#workspace.run(["serve"], {
      // -D: the broker is our child, and strace its watcher.
      through: ["strace", "-D", "-f", "-qq", "-y", "-o", TRACE, ...files, ...tampering],
    });
    const listens = await broker.event("listening").then(() => true, () => false);
    const run = new Run();
    // Whoever is cut off has no need to ask the broker to stop: it stops by itself.
    if (listens && await run.operate(this.#workspace)) broker.signal("SIGTERM");
    const { code } = await broker.end();
    if (code !== 0) requireNamedError(broker, code);
    await this.#check(run);
    const trace = Deno.readTextFileSync(this.#workspace.path(TRACE));
    return { trace, outcome: code === 0 ? "went on" : listens ? "stopped" : "did not start" };
  }

  async #check({ sent, acked, removing, removed }: Run): Promise<void> {
    await using broker = await this.#workspace.serve();
    const sender = await this.#workspace.connect("sender_1");
    await declareQueues(sender, "receiver_1");
    const unknown = sent.filter((id) => !acked.has(id));
    if (unknown.length > 0) {
      await sender.write(publishBatch(unknown));
      assert.deepEqual(await sender.lines(unknown.length), unknown.map((id) => `ACK ${id}`));
    }
    sender.close();
    const receiver = await this.#workspace.connect("receiver_1");
    const left = await drain(receiver);
    // An ack without an answer was stored or not.
    const gone = new Set([...removing].filter((id) => removed.has(id) || !left.includes(id)));
    assert.deepEqual(left, sent.filter((id) => !gone.has(id)));
    receiver.close();
    broker.signal("SIGTERM");
    await broker.success();
  }
}

/** Whether a failure of such a call means that something may not be on the disk. */
function isStored(call: Call, file: string | undefined): boolean {
  return ["pwrite64", "fsync"].includes(call) && !/ballast|-shm/.test(file ?? "");
}

function requireNamedError({ stderr }: Program, code: number): void {
  assert(code === 1 || code === 2, `exit code ${code}: ${stderr.text}`);
  assert.match(stderr.text, /^error: .*broker\.db/m);
  assert.match(stderr.text, /^hint: /m);
  assert.doesNotMatch(stderr.text, /Uncaught|panicked/);
}
