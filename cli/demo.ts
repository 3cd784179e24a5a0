/**
 * `ciphermq demo`: the whole job in a temporary folder, with this program as separate processes, and
 * an account of what happened.
 *
 * @module
 */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { CipherMqError } from "../lib/base/errors.ts";
import { ProgramProcess } from "./program_process.ts";
import { onStopSignal } from "./signals.ts";
import type { Terminal } from "./terminal.ts";

const SENDER = "sender_1";
const RECEIVERS = ["receiver_1", "receiver_2"] as const;
/** Messages to each receiver. */
const MESSAGES = 1000;
/** The broker is killed when a receiver has this many of the first half. */
const KILL_AFTER = MESSAGES / 4;
/** How long the whole may take, in seconds; the receivers give up then. */
const TIMEOUT_SECONDS = 120;

/** Adds `demo` to the program. */
export function addDemo(program: Command, terminal: Terminal): void {
  program.command("demo")
    .summary("show the whole job in a temporary folder, in seconds")
    .description(
      "Makes certificates and keys in a temporary folder, runs a broker, two receivers and a sender as " +
        "separate processes, kills the broker half-way and starts it again, and gives an account.",
    )
    .action(async () => {
      if (Deno.build.standalone) {
        throw new CipherMqError("usage", "a compiled program may not start other processes", {
          hint: "run the demo from a checkout: npx -y deno@2.9.6 task demo",
        });
      }
      const folder = await mkdtemp(join(tmpdir(), "ciphermq-demo-"));
      try {
        await new Demo(folder, terminal).run();
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
}

/** What a receiver has printed. */
class Delivered {
  /** The texts, in the order they came. */
  readonly texts: string[] = [];

  add(line: string): void {
    this.texts.push((JSON.parse(line) as { message: string }).message);
  }
}

/** One run of the demo. */
class Demo {
  readonly #folder: string;
  readonly #terminal: Terminal;
  readonly #processes: ProgramProcess[] = [];
  readonly #delivered = new Map(RECEIVERS.map((name) => [name, new Delivered()]));
  readonly #killTime = Promise.withResolvers<void>();
  #summary: Record<string, unknown> = {};

  constructor(folder: string, terminal: Terminal) {
    this.#folder = folder;
    this.#terminal = terminal;
  }

  async run(): Promise<void> {
    const interrupted = Promise.withResolvers<never>();
    const ignoreSignals = onStopSignal(() => {
      interrupted.reject(new CipherMqError("partial", "the demo was interrupted"));
    });
    try {
      const work = this.#work();
      // Cut off, it fails for want of its processes: nobody asks any more.
      work.catch(() => undefined);
      await Promise.race([work, interrupted.promise]);
    } finally {
      ignoreSignals();
      for (const process of this.#processes) process.kill();
      await Promise.all(this.#processes.map((process) => process.ended()));
    }
  }

  async #work(): Promise<void> {
    await this.#prepare();
    await this.#deliver();
    this.#account();
  }

  async #prepare(): Promise<void> {
    const receivers = RECEIVERS.flatMap((name) => ["--receiver", name]);
    const address = `127.0.0.1:${await freePort()}`;
    const args = ["init", "--address", address, "--sender", SENDER, ...receivers];
    await this.#start(args).succeeded();
    this.#say("made a CA, certificates, keys and configuration (ciphermq init)");
  }

  async #deliver(): Promise<void> {
    let broker = await this.#startBroker();
    this.#say("started the broker (ciphermq serve)");
    const receivers = RECEIVERS.map((name) => this.#startReceiver(name));
    const sender = this.#startSender();
    this.#say(`started ${RECEIVERS.length} receivers and a sender`);
    await sender.write(messages(1, MESSAGES / 2));
    await this.#orEarlyEnd(this.#killTime.promise, [sender, ...receivers]);
    broker.kill();
    await broker.ended();
    this.#say("killed the broker half-way (SIGKILL)");
    this.#showDisk();
    await sender.write(messages(MESSAGES / 2 + 1, MESSAGES));
    await sender.endInput();
    broker = await this.#startBroker();
    this.#say("started the broker again; the clients come back by themselves");
    await Promise.all([sender, ...receivers].map((process) => process.succeeded()));
    broker.stop();
    await broker.succeeded();
  }

  async #startBroker(): Promise<ProgramProcess> {
    const listening = Promise.withResolvers<void>();
    const broker = this.#start(["serve"], {
      onNote: (line) => {
        if (line.includes('"listening"')) listening.resolve();
      },
    });
    await this.#orEarlyEnd(listening.promise, [broker]);
    return broker;
  }

  #startReceiver(name: typeof RECEIVERS[number]): ProgramProcess {
    const delivered = this.#delivered.get(name)!;
    const limits = ["--count", String(MESSAGES), "--timeout", String(TIMEOUT_SECONDS)];
    return this.#start(["receive", "--as", name, "--output", "-", ...limits], {
      onData: (line) => {
        delivered.add(line);
        if (delivered.texts.length === KILL_AFTER) this.#killTime.resolve();
      },
    });
  }

  #startSender(): ProgramProcess {
    const args = ["send", "--as", SENDER, "--to", RECEIVERS.join(","), "--json"];
    return this.#start(args, { onData: (line) => this.#summary = JSON.parse(line) });
  }

  #start(
    args: readonly string[],
    listeners: { onData?: (line: string) => void; onNote?: (line: string) => void } = {},
  ): ProgramProcess {
    const process = new ProgramProcess(args, { cwd: this.#folder, ...listeners });
    this.#processes.push(process);
    return process;
  }

  /** Waits for something that a process must live to see. */
  async #orEarlyEnd(event: Promise<void>, processes: readonly ProgramProcess[]): Promise<void> {
    const tooEarly = processes.map(async (process) => {
      await process.succeeded();
      throw new CipherMqError("partial", "a process of the demo ended before its work was done");
    });
    await Promise.race([event, ...tooEarly]);
    // The others end later, as they should.
    for (const end of tooEarly) end.catch(() => undefined);
  }

  /** What somebody sees who takes the disk of the broker away. */
  #showDisk(): void {
    const files = readdirSync(this.#folder).filter((name) => name.startsWith("ciphermq.db"));
    const bytes = files.map((name) => readFileSync(join(this.#folder, name), "latin1")).join("");
    if (bytes.includes(messageText(1).slice(0, 20))) {
      throw new CipherMqError("cryptographic", "the broker's disk holds a text that was sent");
    }
    const envelope = /\{"message_id":"[^}]{0,400}\}/.exec(bytes)?.[0];
    this.#say("what the broker's disk holds of one message:");
    this.#say(`  ${envelope ?? "nothing: all were acknowledged and removed"}`);
  }

  #account(): void {
    const sent = MESSAGES * RECEIVERS.length;
    const { acknowledged } = this.#summary;
    this.#say("");
    this.#say(`sent          ${sent} (${MESSAGES} to each of ${RECEIVERS.length} receivers)`);
    this.#say(`acknowledged  ${acknowledged}`);
    let good = acknowledged === sent;
    const receivers: Record<string, unknown> = {};
    for (const [name, { texts }] of this.#delivered) {
      const expected = messages(1, MESSAGES);
      const distinct = new Set(texts);
      const lost = expected.filter((text) => !distinct.has(text)).length;
      const twice = texts.length - distinct.size;
      const inOrder = texts.join() === expected.join();
      const order = inOrder ? "in order" : "NOT in order";
      this.#say(`${name}    ${texts.length} decrypted, ${twice} twice, ${lost} lost, ${order}`);
      receivers[name] = { decrypted: texts.length, twice, lost, in_order: inOrder };
      good &&= lost === 0 && twice === 0 && inOrder;
    }
    if (this.#terminal.json) {
      this.#terminal.data(JSON.stringify({ sent, acknowledged, receivers }));
    }
    if (!good) throw new CipherMqError("partial", "not every message arrived exactly once");
    this.#say("every message arrived exactly once");
  }

  #say(line: string): void {
    this.#terminal.note(line);
  }
}

function messageText(number: number): string {
  return `Meet me at the old harbour, message ${number}`;
}

function messages(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, i) => messageText(first + i));
}

/** A port that nobody listens on now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
