/**
 * `ciphermq receive`: decrypts what is addressed to one client, and writes each message once.
 *
 * @module
 */
import { join } from "node:path";
import { type Command, Option } from "commander";
import { CipherMqError } from "../lib/base/errors.ts";
import { DurableInbox } from "../lib/client/durable_inbox.ts";
import { OutputFile, outputLine } from "../lib/client/output_file.ts";
import { Receiver, type ReceiverNotice } from "../lib/client/receiver.ts";
import { HandlerSink, type MessageSink, type OpenedMessage } from "../lib/client/sink.ts";
import { keyFiles, readPrivateKey } from "../lib/crypto/key_file.ts";
import { counted } from "./counted.ts";
import {
  addClientFlags,
  type ClientFlags,
  type ClientSetup,
  parseCount,
  parseDuration,
  parseSeconds,
  readClientSetup,
} from "./client_flags.ts";
import { LinkNotes } from "./link_notes.ts";
import { onStopSignal } from "./signals.ts";
import type { Terminal } from "./terminal.ts";

interface ReceiveFlags extends ClientFlags {
  readonly queue?: string;
  readonly output: string;
  readonly privateKey?: string;
  readonly count?: number;
  readonly timeout?: number;
  readonly prefetch?: number;
  /** In milliseconds. */
  readonly ackTimeout?: number;
}

const STDOUT = "-";
const DATA_FOLDER = "data";
const MS = 1000;

/** Adds `receive` to the program. */
export function addReceive(program: Command, terminal: Terminal): void {
  const command = program.command("receive")
    .summary("receive messages and decrypt them")
    .description(
      "Receives what is addressed to NAME, decrypts it, and appends one JSON line per message to the " +
        "output. A message is acknowledged when its line is on disk; killed at any moment, it neither " +
        "loses a message nor writes one twice. With --output - the lines go to stdout, where a kill " +
        "between a line and its acknowledgement can repeat the line. What cannot be decrypted is refused " +
        "and becomes a dead letter of the queue; see dead-letters.",
    )
    .addOption(
      new Option("--queue <NAME>", "the queue (default: the receiver's name)")
        .env("CIPHERMQ_QUEUE"),
    )
    .addOption(
      new Option("-o, --output <FILE>", "where lines go; - is stdout")
        .env("CIPHERMQ_OUTPUT").default(join(DATA_FOLDER, "received_messages.jsonl")),
    )
    .addOption(
      new Option("--private-key <FILE>", "the key to decrypt with (default: NAME_private.key)")
        .env("CIPHERMQ_PRIVATE_KEY"),
    )
    .option("--count <N>", "stop after N new messages", parseCount)
    .option("--timeout <SECONDS>", "stop after so long, with exit code 5", parseSeconds)
    .option("--prefetch <N>", "messages the broker may have under way to it", parseCount)
    .addOption(
      new Option(
        "--ack-timeout <SECONDS>",
        "tell the queue how long a delivery may stay unacknowledged (default: as it was told before)",
      ).env("CIPHERMQ_ACK_TIMEOUT").argParser(parseDuration),
    );
  addClientFlags(command).action((flags: ReceiveFlags) => new ReceiveRun(flags, terminal).run());
}

/** One run of `receive`. */
class ReceiveRun {
  readonly #flags: ReceiveFlags;
  readonly #terminal: Terminal;
  readonly #setup: ClientSetup;
  readonly #link: LinkNotes;
  readonly #stop = new AbortController();
  #receiver: Receiver | undefined;
  #timedOut = false;
  #printing = false;

  constructor(flags: ReceiveFlags, terminal: Terminal) {
    this.#flags = flags;
    this.#terminal = terminal;
    this.#setup = readClientSetup(flags);
    this.#link = new LinkNotes(terminal);
  }

  async run(): Promise<void> {
    const ignoreSignals = onStopSignal(() => this.#end());
    const { timeout } = this.#flags;
    const timer = timeout === undefined ? undefined : setTimeout(() => {
      this.#timedOut = true;
      this.#end();
    }, timeout * MS);
    try {
      await this.#receive();
    } finally {
      clearTimeout(timer);
      ignoreSignals();
    }
    this.#judge();
  }

  async #receive(): Promise<void> {
    try {
      this.#receiver = await Receiver.start(this.#options());
    } catch (error) {
      // It was asked to stop while it connected: nothing was received.
      if (this.#stop.signal.aborted) return;
      throw error;
    }
    // The request to stop may have come just before there was something to stop.
    if (this.#stop.signal.aborted) void this.#receiver.close();
    try {
      await this.#receiver.done;
    } finally {
      this.#summarize(this.#receiver);
    }
  }

  #options(): Parameters<typeof Receiver.start>[0] {
    const { identity, way, certs, file } = this.#setup;
    const flags = this.#flags;
    const queue = flags.queue ?? file?.queue;
    const keyFile = flags.privateKey ?? keyFiles(certs, identity).privateKey;
    return {
      ...way,
      identity,
      privateKey: readPrivateKey(keyFile),
      // Nobody is in a hurry: a broker that is not there yet is waited for like one that is away.
      connectForMs: way.reconnectForMs ?? Infinity,
      signal: this.#stop.signal,
      onNotice: (notice) => this.#tell(notice),
      ...(queue !== undefined && { queue }),
      ...(flags.prefetch !== undefined && { prefetch: flags.prefetch }),
      ...(flags.ackTimeout !== undefined && { ackTimeoutMs: flags.ackTimeout }),
      ...(flags.count !== undefined && { maxMessages: flags.count }),
      // Last, because it opens files that the receiver closes.
      sink: this.#openSink(identity),
    };
  }

  #openSink(identity: string): MessageSink {
    if (this.#flags.output !== STDOUT) return new OutputFile(this.#flags.output);
    const inbox = new DurableInbox(join(DATA_FOLDER, `${identity}.inbox.db`));
    return new HandlerSink((messages) => this.#print(messages), inbox);
  }

  async #print(messages: readonly OpenedMessage[]): Promise<void> {
    const nowMs = Date.now();
    this.#printing = true;
    await this.#terminal.write(messages.map((one) => outputLine(one, nowMs)).join(""));
    this.#printing = false;
  }

  #end(): void {
    if (this.#printing) {
      this.#terminal.note("waiting for what reads stdout to take it; a second Ctrl-C ends at once");
    }
    this.#stop.abort();
    void this.#receiver?.close();
  }

  #tell(notice: ReceiverNotice): void {
    if (notice.kind === "unopened") {
      const { id, error } = notice;
      this.#terminal.error(`message ${id} becomes a dead letter: ${error.message}`, error.hint);
    } else if (notice.kind === "disconnected") this.#link.disconnected(notice.error);
    else this.#link.connected(`receiving as ${this.#setup.identity}`);
  }

  #summarize({ counts }: Receiver): void {
    const { received, duplicates, unopened } = counts;
    if (this.#terminal.json && this.#flags.output !== STDOUT) {
      this.#terminal.data(JSON.stringify({ received, duplicates, unopened }));
      return;
    }
    const where = this.#flags.output === STDOUT ? "" : ` to ${this.#flags.output}`;
    const dropped = counted(duplicates, "duplicate", "duplicates");
    const more = unopened > 0 ? `, could not open ${unopened}` : "";
    this.#terminal.note(`received ${received}${where}, dropped ${dropped}${more}`);
  }

  /** Throws when the run did not do what it was asked to. */
  #judge(): void {
    const { received, unopened } = this.#receiver?.counts ?? { received: 0, unopened: 0 };
    if (this.#timedOut) {
      const { count, timeout } = this.#flags;
      const what = count === undefined ? counted(received) : `${received} of ${counted(count)}`;
      throw new CipherMqError(
        "timeout",
        `the ${timeout} s of --timeout are over: received ${what}`,
      );
    }
    if (unopened === 0) return;
    throw new CipherMqError("cryptographic", `${counted(unopened)} could not be opened`, {
      hint: "were they sealed to another key? they are dead letters: see `ciphermq dead-letters`",
    });
  }
}
