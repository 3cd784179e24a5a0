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
import { Progress } from "./progress.ts";
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
  readonly #errors = new Map<string, CipherMqError>();
  readonly #source: MessageSource;
  /** Not drawn where somebody types. */
  readonly #progress: Progress | undefined;
  readonly #stop = new AbortController();
  readonly #spool: DurableSpool | undefined;
  #sender: Sender | undefined;
  #startMs = performance.now();
  #sent = 0;
  #acknowledged = 0;
  #failed = 0;
  /** Messages that are safe, and those that the last line of progress told of. */
  #taken = 0;
  #toldTaken = 0;
  #recovered = 0;
  #away = false;
  /** It was interrupted with messages at hand that it then left. */
  #cutShort = false;

  constructor(flags: SendFlags, terminal: Terminal, source: MessageSource) {
    this.#flags = flags;
    this.#terminal = terminal;
    this.#source = source;
    this.#setup = readClientSetup(flags);
    this.#receivers = new Set(receiversOf(flags, this.#setup));
    const total = source.total && source.total * this.#receivers.size;
    const { spool } = flags;
    const { identity } = this.#setup;
    this.#spool = spool === undefined
      ? undefined
      : new DurableSpool(join(spool, `${identity}.spool.db`));
    this.#progress = source.typed ? undefined : new Progress(terminal, total);
  }

  async run(): Promise<void> {
    const ignoreSignals = onStopSignal(() => this.#interrupt());
    try {
      this.#sender = await this.#connect();
      await this.#sendAndWait(this.#sender);
    } finally {
      this.#source.stop();
      ignoreSignals();
    }
    this.#judge();
  }

  async #sendAndWait(sender: Sender): Promise<void> {
    const { size: left = 0 } = this.#spool ?? {};
    if (left > 0) this.#terminal.note(`sending ${left} messages from ${this.#flags.spool} first`);
    if (this.#source.typed) this.#terminal.note("each line is a message; end with Ctrl-D");
    this.#startMs = performance.now();
    this.#progress?.start();
    try {
      await this.#sendAll(sender);
    } finally {
      await sender.close();
      this.#progress?.stop();
      this.#summarize();
    }
  }

  async #connect(): Promise<Sender> {
    const { connection, reconnectForMs, file } = this.#setup;
    const exchange = this.#flags.exchange ?? file?.exchange;
    const routingKey = this.#flags.routingKey ?? file?.routingKey;
    const { wait } = this.#flags;
    const waitMs = (wait ?? DEFAULT_WAIT_SECONDS) * MS;
    return await Sender.connect({
      connection,
      waitMs,
      // A full queue is no mistake: whoever sent to it waits, unless told not to.
      ...(wait !== undefined && { fullWaitMs: waitMs }),
      connectForMs: waitMs,
      window: { maxMessages: this.#flags.window },
      signal: this.#stop.signal,
      ...(this.#spool !== undefined && { spool: this.#spool }),
      recovered: (receiver, error) => {
        if (error === undefined) this.#recovered++;
        this.#settled(receiver, error, true);
      },
      onNotice: (notice) => this.#tell(notice),
      ...(reconnectForMs !== undefined && { reconnectForMs }),
      ...(exchange !== undefined && { exchange }),
      ...(routingKey !== undefined && { routingKey }),
    });
  }

  async #sendAll(sender: Sender): Promise<void> {
    for await (const texts of this.#source.texts) {
      for (const text of texts) {
        for (const receiver of this.#receivers) {
          if (!sender.hasRoom(text)) await sender.room(text);
          this.#cutShort = this.#stop.signal.aborted;
          if (this.#cutShort) return;
          this.#post(sender, receiver, text);
        }
      }
      if (this.#receivers.size === 0) return;
    }
  }

  #post(sender: Sender, receiver: string, text: string): void {
    this.#sent++;
    let safe = false;
    const taken = () => {
      safe = true;
      this.#tellTaken();
    };
    const { ttl } = this.#flags;
    const options = { taken, ...(ttl !== undefined && { ttlMs: ttl }) };
    const settled = (error?: CipherMqError) => {
      if (error === undefined) this.#acknowledged++;
      this.#settled(receiver, error, safe);
    };
    try {
      sender.post(receiver, text, settled, options);
    } catch (error) {
      if (!(error instanceof CipherMqError)) throw error;
      settled(error);
    }
  }

  /** Messages become safe many at a time: one line for all of them. */
  #tellTaken(): void {
    this.#taken++;
    if (!this.#terminal.json) return;
    queueMicrotask(() => {
      if (this.#toldTaken === this.#taken) return;
      this.#toldTaken = this.#taken;
      this.#terminal.data(JSON.stringify({ taken: this.#taken }));
    });
  }

  #settled(receiver: string, error: CipherMqError | undefined, safe: boolean): void {
    // Interrupted, what is in the spool was not in vain.
    const stays = safe && this.#stop.signal.aborted && error?.code === "connection";
    if (error !== undefined && !stays) this.#fail(receiver, error);
    this.#progress?.update(this.#acknowledged, this.#sent);
  }

  #fail(receiver: string, error: CipherMqError): void {
    this.#failed++;
    if (!this.#errors.has(error.message)) this.#errors.set(error.message, error);
    // It did not come in all the time there was: what follows would only wait as long again.
    const absent = error.code === "not_found" || error.code === "unroutable";
    // Nothing can be sent any more.
    const over = error.code === "connection" || error.code === "tls" || error.code === "timeout";
    if (absent || over) this.#receivers.delete(receiver);
  }

  #interrupt(): void {
    if (this.#stop.signal.aborted) {
      void this.#sender?.destroy();
      return;
    }
    this.#stop.abort();
    // What else has an end is not waited for, and whether it was reached shall be seen.
    if (this.#source.live) this.#source.stop();
    // The rest is safe.
    if (this.#spool !== undefined) return void this.#sender?.destroy();
    const { pending = 0 } = this.#sender ?? {};
    if (pending === 0) return;
    this.#terminal.note(`finishing ${pending} messages; interrupt again to stop at once`);
  }

  #tell(notice: SenderNotice): void {
    if (notice.kind === "disconnected") {
      if (!this.#away) this.#terminal.note(`${notice.error.message}; trying again`);
      this.#away = true;
    } else if (notice.kind === "connected") {
      if (this.#away) this.#terminal.note("connected to the broker");
      this.#away = false;
    } else if (notice.kind === "waiting_for_key") {
      this.#terminal.note(`waiting for ${notice.receiver} to register its public key`);
    } else if (notice.kind === "waiting_for_room") {
      this.#terminal.note(`${notice.why}; waiting`);
    } else {
      const { exchange, routingKey } = notice;
      this.#terminal.note(`waiting for a queue for '${routingKey}' at exchange '${exchange}'`);
    }
  }

  #summarize(): void {
    const seconds = (performance.now() - this.#startMs) / MS;
    const rate = Math.round(this.#acknowledged / seconds);
    const [sent, acknowledged, failed] = [this.#sent, this.#acknowledged, this.#failed];
    const resent = this.#sender?.resent ?? 0;
    if (this.#terminal.json) {
      const { size } = this.#spool ?? {};
      const spooled = size === undefined ? {} : { recovered: this.#recovered, spooled: size };
      const summary = { sent, acknowledged, failed, resent, ...spooled, seconds, rate };
      this.#terminal.data(JSON.stringify(summary));
      return;
    }
    const counts = `sent ${sent}, acknowledged ${acknowledged}, resent ${resent}`;
    const failures = failed > 0 ? `, failed ${failed}` : "";
    this.#terminal.note(`${counts}${failures} in ${seconds.toFixed(2)} s (${rate}/s)`);
    this.#noteSpool();
  }

  #noteSpool(): void {
    if (this.#recovered > 0) {
      this.#terminal.note(`sent ${this.#recovered} messages from ${this.#flags.spool}`);
    }
    const { size: left = 0 } = this.#spool ?? {};
    if (left === 0) return;
    this.#terminal.note(`${left} messages stay in ${this.#flags.spool}; the next send sends them`);
  }

  /** Throws when not everything that was to be sent was accepted. */
  #judge(): void {
    const [first, ...others] = this.#errors.values();
    if (first === undefined) {
      if (!this.#cutShort) return;
      const why = `interrupted: ${this.#sent} messages were sent, and the rest was not`;
      throw new CipherMqError("partial", why);
    }
    if (
      this.#acknowledged + this.#recovered === 0 && others.every((one) => one.code === first.code)
    ) throw first;
    for (const error of this.#errors.values()) this.#terminal.error(error.message, error.hint);
    const counts = `${this.#failed} of ${this.#sent} messages were not sent`;
    throw new CipherMqError("partial", counts, { hint: "the others were; send only these again" });
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
