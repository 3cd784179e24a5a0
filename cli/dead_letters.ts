/**
 * `ciphermq dead-letters`: looking at what could not be delivered, and what to do with it.
 *
 * @module
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { isForDeadLetters, queueOfDeadLetters } from "../lib/base/dead_letter_queue.ts";
import { CipherMqError } from "../lib/base/errors.ts";
import { printable } from "../lib/base/printable.ts";
import { type DeadLetterInfo, type FetchedMessage, Operator } from "../lib/client/operator.ts";
import { EnvelopeOpener } from "../lib/crypto/envelope.ts";
import { keyFiles, readPrivateKey } from "../lib/crypto/key_file.ts";
import { counted } from "./counted.ts";
import {
  addConnectionFlags,
  type ClientSetup,
  type ConnectionFlags,
  readClientSetup,
} from "./client_flags.ts";
import { tableLines } from "./table.ts";
import type { Terminal } from "./terminal.ts";

interface DeadLettersFlags extends ConnectionFlags {
  readonly id?: string;
  readonly privateKey?: string;
  readonly force?: true;
}

/** What one of the subcommands does. */
type Action = (run: DeadLettersRun) => Promise<void>;

const COLUMNS = [
  ...["SEQ", "ID", "PUBLISHER", "REASON", "DELIVERIES"],
  ...["WHEN", "SIZE", "EXCHANGE", "KEY", "TEXT"],
];
/** Rows whose columns are made equally wide. */
const PAGE = 100;

/** Adds `dead-letters` with its subcommands to the program. */
export function addDeadLetters(program: Command, terminal: Terminal): void {
  const letters = program.command("dead-letters")
    .summary("look at messages that could not be delivered, redrive or remove them")
    .description(
      "Messages that were delivered too often without an ack, that waited too long, or that their " +
        "receiver could not decrypt become dead letters of their queue. NAME sees and redrives those " +
        "that are addressed to it.",
    );
  const add = (name: string, description: string, action: Action) => {
    const command = letters.command(name).description(description).argument("<QUEUE>");
    return addConnectionFlags(command).action((queue: string, flags: DeadLettersFlags) =>
      action(new DeadLettersRun(queue, flags, terminal))
    );
  };
  add("ls", "List the dead letters that wait, with --json one object a line.", (run) => run.list());
  add(
    "show",
    "Show dead letters with their text, where the private key is there and opens them. To read the " +
      "texts it borrows the letters: for that moment nobody else sees them; then they wait at their " +
      "places again. No more can be borrowed at once than the broker's max_prefetch allows; of those " +
      "behind only the facts are shown.",
    (run) => run.show(),
  )
    .option("--id <ID>", "only the message with this id")
    .option("--private-key <FILE>", "the key to decrypt with (default: NAME_private.key)");
  add(
    "redrive",
    "Put dead letters back at the end of their queue, in order, as if they had just been published.",
    (run) => run.redrive(),
  ).option("--id <ID>", "only the message with this id");
  add(
    "purge",
    "Remove the dead letters of a queue for good, also those for other receivers. Needs --force.",
    (run) => run.purge(),
  ).option("--force", "yes, remove them");
}

/** One run of one of the subcommands. */
class DeadLettersRun {
  readonly #queue: string;
  readonly #flags: DeadLettersFlags;
  readonly #terminal: Terminal;

  constructor(queue: string, flags: DeadLettersFlags, terminal: Terminal) {
    this.#queue = queue;
    this.#flags = flags;
    this.#terminal = terminal;
  }

  list(): Promise<void> {
    return this.#connected(async (operator) => {
      let page: DeadLetterInfo[] = [];
      let listed = 0;
      for await (const letter of operator.deadLetters(this.#queue)) {
        page.push(letter);
        if (page.length < PAGE) continue;
        this.#print(page, listed === 0);
        listed += page.length;
        page = [];
      }
      this.#print(page, listed === 0);
      if (listed + page.length === 0) this.#noteNone();
    });
  }

  show(): Promise<void> {
    return this.#connected(async (operator, setup) => {
      const { id } = this.#flags;
      const letters = new Map<string, DeadLetterInfo[]>();
      for await (const letter of operator.deadLetters(this.#queue)) {
        if (id !== undefined && letter.id !== id) continue;
        const same = letters.get(letter.id);
        if (same === undefined) letters.set(letter.id, [letter]);
        else same.push(letter);
      }
      if (letters.size === 0) return this.#noteNone();
      const opener = this.#opener(setup);
      if (opener !== undefined) await this.#showTexts(operator, letters, opener);
      for (const letter of [...letters.values()].flat()) this.#printWhole(letter);
    });
  }

  redrive(): Promise<void> {
    return this.#connected(async (operator) => {
      const { id } = this.#flags;
      let waiting = 0;
      for await (const letter of operator.deadLetters(this.#queue)) {
        if (id === undefined || letter.id === id) waiting++;
      }
      let redriven = 0;
      // No more than there were: those that die again at once would go round for ever.
      while (redriven < waiting) {
        const count = await operator.redrive(this.#queue, id);
        if (count === 0) break;
        redriven += count;
      }
      const left = Math.max(waiting - redriven, 0);
      if (waiting === 0) this.#noteNone();
      if (this.#terminal.json) this.#terminal.data(JSON.stringify({ redriven, left }));
      else this.#terminal.note(`redrove ${counted(redriven)} to queue '${this.#queue}'`);
      if (left === 0) return;
      const letters = counted(left, "dead letter stays", "dead letters stay");
      throw new CipherMqError("limit", `${letters}: the queue is full`, {
        hint: "receive what it holds, then redrive again",
      });
    });
  }

  async purge(): Promise<void> {
    if (!this.#flags.force) {
      throw new CipherMqError("usage", "cannot remove dead letters without --force", {
        hint: "they are gone for good then; look at them first: ciphermq dead-letters ls",
      });
    }
    await this.#connected(async (operator) => {
      const purged = await operator.purgeDeadLetters(this.#queue);
      if (this.#terminal.json) return this.#terminal.data(JSON.stringify({ purged }));
      const letters = counted(purged, "dead letter", "dead letters");
      this.#terminal.note(`removed ${letters} of queue '${this.#queue}'`);
    });
  }

  async #connected(act: (operator: Operator, setup: ClientSetup) => Promise<void>): Promise<void> {
    this.#refuseDead();
    const setup = readClientSetup(this.#flags);
    const operator = await Operator.connect(setup.connection);
    try {
      await act(operator, setup);
    } finally {
      await operator.close();
    }
  }

  /** A queue of dead letters has none of its own. */
  #refuseDead(): void {
    if (!isForDeadLetters(this.#queue)) return;
    const hint = `name the queue that they belong to: ${queueOfDeadLetters(this.#queue)}`;
    const why = "its name ends with .dead, so it holds another queue's dead letters";
    throw new CipherMqError("usage", `cannot look for dead letters of '${this.#queue}': ${why}`, {
      hint,
    });
  }

  #noteNone(): void {
    const { id } = this.#flags;
    if (id !== undefined) {
      throw new CipherMqError("not_found", `no dead letter '${id}' of '${this.#queue}' waits`);
    }
    this.#terminal.note(`no dead letters of queue '${this.#queue}' wait for this client`);
  }

  /** Opens texts where there is a key; one that was asked for must be there. */
  #opener({ certs, identity }: ClientSetup): EnvelopeOpener | undefined {
    const file = this.#flags.privateKey ?? keyFiles(certs, identity).privateKey;
    if (this.#flags.privateKey !== undefined || existsSync(file)) {
      return new EnvelopeOpener(readPrivateKey(file));
    }
    this.#terminal.note(`no texts are shown: there is no private key ${file}`);
    return undefined;
  }

  /** Prints the letters that can be borrowed, and takes them out of `letters`. */
  async #showTexts(
    operator: Operator,
    letters: Map<string, DeadLetterInfo[]>,
    opener: EnvelopeOpener,
  ): Promise<void> {
    while (letters.size > 0) {
      const message = await this.#borrow(operator);
      if (message === undefined) return;
      const same = letters.get(message.id);
      const letter = same?.shift();
      if (same?.length === 0) letters.delete(message.id);
      if (letter !== undefined) this.#printWhole(letter, textOf(message, opener));
    }
  }

  async #borrow(operator: Operator): Promise<FetchedMessage | undefined> {
    try {
      return await operator.borrowDeadLetter(this.#queue);
    } catch (error) {
      if (!(error instanceof CipherMqError) || error.code !== "limit") throw error;
      this.#terminal.note("no more can be borrowed at once; of the rest only the facts are shown");
      return undefined;
    }
  }

  #print(letters: readonly DeadLetterInfo[], first: boolean): void {
    if (letters.length === 0) return;
    if (this.#terminal.json) {
      for (const letter of letters) this.#terminal.data(JSON.stringify(factsOf(letter)));
      return;
    }
    const rows = letters.map((letter) => [
      ...[letter.seq, letter.id, letter.publisher, letter.reason, letter.deliveries],
      ...[timeOf(letter), letter.size, letter.exchange, letter.routingKey, letter.text],
    ]);
    for (const line of tableLines(first ? [COLUMNS, ...rows] : rows)) this.#terminal.data(line);
  }

  #printWhole(letter: DeadLetterInfo, text: { message?: string; problem?: string } = {}): void {
    const facts = { ...factsOf(letter), ...text };
    if (this.#terminal.json) return this.#terminal.data(JSON.stringify(facts));
    const rows = Object.entries({ ...facts, timestamp: timeOf(letter) }).map(([name, value]) => {
      return [name, name === "message" ? printable(JSON.stringify(value)) : String(value)];
    });
    for (const line of tableLines(rows)) this.#terminal.data(line);
    this.#terminal.data("");
  }
}

function factsOf(letter: DeadLetterInfo): Record<string, string | number> {
  return {
    seq: letter.seq,
    message_id: letter.id,
    publisher: letter.publisher,
    reason: letter.reason,
    reason_text: letter.text,
    deliveries: letter.deliveries,
    timestamp: letter.atMs / 1000,
    size: letter.size,
    exchange: letter.exchange,
    routing_key: letter.routingKey,
  };
}

function textOf(
  { envelope }: FetchedMessage,
  opener: EnvelopeOpener,
): { message?: string; problem?: string } {
  try {
    return { message: opener.open(envelope) };
  } catch (error) {
    if (!(error instanceof CipherMqError)) throw error;
    return { problem: error.message };
  }
}

function timeOf({ atMs }: DeadLetterInfo): string {
  return new Date(atMs).toISOString();
}
