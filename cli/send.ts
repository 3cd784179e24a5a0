/**
 * `ciphermq send`: encrypts messages and sends them until the broker has each of them.
 *
 * @module
 */
import { join } from "node:path";
import { type Command, Option } from "commander";
import { CipherMqError } from "../lib/base/errors.ts";
import { DurableSpool } from "../lib/client/durable_spool.ts";
import { Sender, type SenderNotice } from "../lib/client/sender.ts";
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
import { type MessageSource, messageSource } from "./message_source.ts";
import { LinkNotes } from "./link_notes.ts";
import { Progress } from "./progress.ts";
import { SendReport, type SpoolFacts } from "./send_report.ts";
import { onStopSignal } from "./signals.ts";
import type { Terminal } from "./terminal.ts";

interface SendFlags extends ClientFlags {
  readonly to?: string;
  readonly file?: string;
  readonly count?: number;
  readonly wait?: number;
  /** In milliseconds. */
  readonly ttl?: number;
  readonly window: number;
  readonly spool?: string;
}

const MS = 1000;
const DEFAULT_WAIT_SECONDS = 30;

/** Adds `send` to the program. */
export function addSend(program: Command, terminal: Terminal): void {
  const command = program.command("send")
    .summary("encrypt messages and send them")
    .description(
      "Encrypts messages and sends them until the broker has stored each of them. Without MESSAGE, " +
        "--file and --count it reads messages from stdin, one per line. With --spool what was taken " +
        "over is on disk, encrypted, until the broker has it: killed or interrupted at any moment, the " +
        "next send with the same spool sends the rest first, each message once. It still ends when the " +
        'broker has everything, or at an interrupt. With --json a line {"taken": N} tells how many ' +
        "messages are safe so far.",
    )
    .argument("[MESSAGE...]", "texts, each a message")
    .addOption(
      new Option("--to <NAMES>", "receivers, with commas between (default: those of config.json)")
        .env("CIPHERMQ_TO"),
    )
    .option("--file <FILE>", "read messages from a file, one per line")
    .option("--count <N>", "send N sample messages", parseCount)
    .option(
      "--wait <SECONDS>",
      "how long to wait for the broker or a receiver (default: 30), or for room in a full queue " +
        "(default: for ever)",
      parseSeconds,
    )
    .option("--ttl <SECONDS>", "how long a message may wait in its queue", parseDuration)
    .addOption(
      new Option("--spool <DIR>", "keep what is not sent yet in this folder").env("CIPHERMQ_SPOOL"),
    )
    .option("--window <N>", "messages under way at once", parseCount, 4096);
  addClientFlags(command).action((messages: string[], flags: SendFlags) =>
    new SendRun(flags, terminal, messageSource({ ...flags, messages })).run()
  );
}

/** One run of `send`. */
class SendRun {
  readonly #flags: SendFlags;
  readonly #terminal: Terminal;
  readonly #setup: ClientSetup;
  /** Who still gets messages. */
  readonly #receivers: Set<string>;
  readonly #source: MessageSource;
  readonly #report: SendReport;
  readonly #link: LinkNotes;
  /** Not drawn where somebody types. */
  readonly #progress: Progress | undefined;
  readonly #stop = new AbortController();
  readonly #spool: DurableSpool | undefined;
  #sender: Sender | undefined;
  /** It was interrupted with messages at hand that it then left. */
  #cutShort = false;

  constructor(flags: SendFlags, terminal: Terminal, source: MessageSource) {
    this.#flags = flags;
    this.#terminal = terminal;
    this.#source = source;
    this.#setup = readClientSetup(flags);
    this.#receivers = new Set(receiversOf(flags, this.#setup));
    this.#report = new SendReport(terminal);
    this.#link = new LinkNotes(terminal);
    const total = source.total && source.total * this.#receivers.size;
    this.#progress = source.typed ? undefined : new Progress(terminal, total);
    // Last, because it opens a file that the sender closes.
    const { spool } = flags;
    if (spool !== undefined) {
      this.#spool = new DurableSpool(join(spool, `${this.#setup.identity}.spool.db`));
    }
  }

  async run(): Promise<void> {
    const ignoreSignals = onStopSignal(() => this.#interrupt(), () => this.#cutOff());
    let unreadable: CipherMqError | undefined;
    try {
      this.#sender = await this.#connect();
      unreadable = await this.#sendAndWait(this.#sender);
    } finally {
      this.#source.stop();
      ignoreSignals();
    }
    this.#report.judge(this.#cutShort, unreadable);
  }

  async #sendAndWait(sender: Sender): Promise<CipherMqError | undefined> {
    const { size: left = 0 } = this.#spool ?? {};
    if (left > 0) this.#terminal.note(`sending ${counted(left)} from ${this.#flags.spool} first`);
    if (this.#source.typed) this.#terminal.note("each line is a message; end with Ctrl-D");
    this.#report.start();
    this.#progress?.start();
    try {
      return await this.#sendAll(sender);
    } finally {
      await sender.close();
      this.#progress?.stop();
      this.#report.summarize(sender.resent, this.#spoolFacts());
    }
  }

  #spoolFacts(): SpoolFacts | undefined {
    const { spool: folder } = this.#flags;
    if (folder === undefined || this.#spool === undefined) return undefined;
    return { folder, left: this.#spool.size };
  }

  async #connect(): Promise<Sender> {
    const { wait, window } = this.#flags;
    const waitMs = (wait ?? DEFAULT_WAIT_SECONDS) * MS;
    return await Sender.connect({
      ...this.#setup.way,
      waitMs,
      // A full queue is no mistake: whoever sent to it waits, unless told not to.
      ...(wait !== undefined && { fullWaitMs: waitMs }),
      connectForMs: waitMs,
      window: { maxMessages: window },
      signal: this.#stop.signal,
      ...(this.#spool !== undefined && { spool: this.#spool }),
      recovered: (receiver, error) => {
        if (error === undefined) this.#report.recovered++;
        this.#settled(receiver, error, true, () => `a message from ${this.#flags.spool}`);
      },
      onNotice: (notice) => this.#tell(notice),
    });
  }

  /** Gives what stood in the way of reading more. */
  async #sendAll(sender: Sender): Promise<CipherMqError | undefined> {
    try {
      await this.#sendTexts(sender);
      return undefined;
    } catch (error) {
      if (error instanceof CipherMqError && error.code === "usage") return error;
      throw error;
    }
  }

  async #sendTexts(sender: Sender): Promise<void> {
    let number = 0;
    for await (const texts of this.#source.texts) {
      for (const text of texts) {
        number++;
        for (const receiver of this.#receivers) {
          if (!sender.hasRoom(text)) await sender.room(text);
          this.#cutShort = this.#stop.signal.aborted;
          if (this.#cutShort) return;
          this.#post(sender, receiver, text, number);
        }
      }
      if (this.#receivers.size === 0) return;
    }
  }

  #post(sender: Sender, receiver: string, text: string, number: number): void {
    this.#report.sent++;
    let safe = false;
    const taken = () => {
      safe = true;
      this.#report.taken();
    };
    const { ttl } = this.#flags;
    const options = { taken, ...(ttl !== undefined && { ttlMs: ttl }) };
    const settled = (error?: CipherMqError) => {
      if (error === undefined) this.#report.acknowledged++;
      this.#settled(receiver, error, safe, () => this.#source.place(number));
    };
    try {
      sender.post(receiver, text, settled, options);
    } catch (error) {
      if (!(error instanceof CipherMqError)) throw error;
      settled(error);
    }
  }

  #settled(
    receiver: string,
    error: CipherMqError | undefined,
    safe: boolean,
    place: () => string,
  ): void {
    // Interrupted, what is in the spool was not in vain.
    const stays = safe && this.#stop.signal.aborted && error?.code === "connection";
    if (error !== undefined && !stays) this.#fail(receiver, error, place());
    this.#progress?.update(this.#report.acknowledged, this.#report.sent);
  }

  #fail(receiver: string, error: CipherMqError, place: string): void {
    this.#report.failed(error, place);
    // It did not come in all the time there was: what follows would only wait as long again.
    const absent = error.code === "not_found" || error.code === "unroutable";
    // Nothing can be sent any more.
    const over = error.code === "connection" || error.code === "tls" || error.code === "timeout";
    if (absent || over) this.#receivers.delete(receiver);
  }

  #interrupt(): void {
    this.#stop.abort();
    // What else has an end is not waited for, and whether it was reached shall be seen.
    if (this.#source.live) this.#source.stop();
    // The rest is safe.
    if (this.#spool !== undefined) return this.#cutOff();
    this.#sender?.dropUnsealed();
    const { pending = 0 } = this.#sender ?? {};
    if (pending === 0) return;
    this.#terminal.note(`finishing ${counted(pending)}; interrupt again to stop at once`);
  }

  #cutOff(): void {
    void this.#sender?.destroy();
  }

  #tell(notice: SenderNotice): void {
    if (notice.kind === "disconnected") this.#link.disconnected(notice.error);
    else if (notice.kind === "connected") {
      this.#link.connected(`sending as ${this.#setup.identity}`);
    } else if (notice.kind === "waiting_for_key") {
      this.#terminal.note(`waiting for ${notice.receiver} to register its public key`);
    } else if (notice.kind === "waiting_for_room") {
      this.#terminal.note(`${notice.why}; waiting`);
    } else {
      const { exchange, routingKey } = notice;
      this.#terminal.note(`waiting for a queue for '${routingKey}' at exchange '${exchange}'`);
    }
  }
}

function receiversOf(flags: SendFlags, setup: ClientSetup): readonly string[] {
  const named = flags.to?.split(",").map((name) => name.trim()).filter((name) => name !== "");
  const receivers = named ?? setup.file?.receivers ?? [];
  if (receivers.length > 0) return receivers;
  throw new CipherMqError("usage", "cannot tell whom to send to", {
    hint: "say it with --to NAME",
  });
}
