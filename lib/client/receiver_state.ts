/**
 * What a receiver knows and does, without sockets and timers: it opens what was delivered, drops
 * what it has already taken, and says what to acknowledge.
 *
 * @module
 */
import { hash } from "node:crypto";
import type { Envelope } from "../base/envelope.ts";
import { CipherMqError } from "../base/errors.ts";
import { UNPRINTABLE } from "../base/printable.ts";
import type { EnvelopeOpener } from "../crypto/envelope.ts";
import type { Command } from "../wire/command.ts";
import { EnvelopeReader } from "../wire/envelope_reader.ts";
import { MAX_REASON_CHARACTERS } from "../wire/reject_reason.ts";
import type { ReceivedMessage, ReceivedReply } from "../wire/reply.ts";
import type { ReplyHandler } from "./conversation.ts";
import { Fifo } from "../base/fifo.ts";
import { messageKey } from "./inbox.ts";
import type { OpenedMessage } from "./sink.ts";

/** A message that could not be opened. It is refused, and becomes a dead letter. */
export interface Problem {
  /** The id it was delivered under. */
  readonly id: string;
  /** What is wrong: `cryptographic`, `invalid_message` or `access_denied` (addressed to another). */
  readonly error: CipherMqError;
}

/** Counts of one receiver. */
export interface ReceiverCounts {
  /** Messages accepted by the sink. */
  received: number;
  /** Deliveries that look like messages that the sink had already accepted; they are not opened again. */
  duplicates: number;
  /** Messages that could not be opened; each counts once. */
  unopened: number;
}

/** What ends a delivery: it is taken, or refused for good. */
export type Settlement =
  | { readonly kind: "ack"; readonly id: string }
  | Extract<Command, { kind: "nack" }>;

/** Deliveries that were looked at together. */
export interface Batch {
  /** The messages that the sink does not have yet, in order. */
  readonly fresh: readonly OpenedMessage[];
  /** What to say about each delivery, in order, when the sink has them. */
  readonly answers: readonly Settlement[];
  /** The connection they came on. */
  readonly epoch: number;
}

/** Who the receiver is and what it has already taken. */
export interface ReceiverStateOptions {
  /** The receiver's client id. */
  readonly identity: string;
  /** Opens what was sealed for it. */
  readonly opener: EnvelopeOpener;
  /** Whether a message was taken before. */
  readonly has: (key: string) => boolean;
  /** Told about every message that cannot be opened, once each. */
  readonly onProblem: (problem: Problem) => void;
}

/** How many problems are remembered as told. */
const MAX_TOLD = 10_000;
const SETTLED: ReadonlySet<string> = new Set(["ack_confirmed", "nack_confirmed", "failed"]);

/** A receiver without its connection. */
export class ReceiverState implements ReplyHandler {
  readonly #options: ReceiverStateOptions;
  readonly #reader = new EnvelopeReader();
  readonly #deliveries = new Fifo<ReceivedMessage>();
  readonly #told = new Set<string>();
  #bytes = 0;
  #epoch = 0;
  #unconfirmed = 0;
  /** What the batch at hand will say. */
  #working: readonly Settlement[] = [];
  /** Deliveries of this connection, and those of them that were settled. */
  #delivered = 0;
  #settled = 0;
  /** How many had been delivered at the last call of `touches`. */
  #touchable = 0;
  /** What happened so far. */
  readonly counts: ReceiverCounts = { received: 0, duplicates: 0, unopened: 0 };

  /** Makes a receiver that was delivered nothing. */
  constructor(options: ReceiverStateOptions) {
    this.#options = options;
  }

  /** Deliveries not looked at. */
  get waiting(): number {
    return this.#deliveries.length;
  }

  /** About how much memory they take, in characters. */
  get waitingChars(): number {
    return this.#bytes;
  }

  /** Acknowledgements and refusals that the broker has not confirmed. */
  get unconfirmed(): number {
    return this.#unconfirmed;
  }

  /** A message was delivered. */
  push(message: ReceivedMessage): void {
    this.#deliveries.push(message);
    this.#delivered++;
    this.#bytes += message.text.length;
  }

  /**
   * The connection is gone. The broker delivers again what it does not know to be acknowledged, so
   * nothing that came on this connection may be acknowledged on the next.
   */
  lost(): void {
    this.#epoch++;
    this.#deliveries.drain();
    this.#bytes = 0;
    this.#unconfirmed = 0;
    this.#working = [];
    this.#delivered = this.#settled = this.#touchable = 0;
  }

  /** Looks at deliveries, in order, until `maxFresh` new messages are found or none is left. */
  open(maxFresh: number): Batch {
    const fresh: OpenedMessage[] = [];
    const inBatch = new Set<string>();
    const answers: Settlement[] = [];
    while (fresh.length < maxFresh) {
      const delivery = this.#deliveries.shift();
      if (delivery === undefined) break;
      this.#bytes -= delivery.text.length;
      const opened = this.#open(delivery, inBatch);
      if ("kind" in opened) answers.push(opened);
      else {
        answers.push({ kind: "ack", id: delivery.id });
        inBatch.add(opened.key);
        fresh.push(opened);
      }
    }
    this.#working = answers;
    return { fresh, answers, epoch: this.#epoch };
  }

  /**
   * The sink has the batch: gives what to say about its deliveries, nothing when their connection is
   * gone. In the order of the deliveries: an id alone means the delivery of it that is held longest.
   */
  accepted(batch: Batch): readonly Settlement[] {
    this.counts.received += batch.fresh.length;
    if (batch.epoch !== this.#epoch) return [];
    this.#unconfirmed += batch.answers.length;
    this.#settled += batch.answers.length;
    this.#working = [];
    return batch.answers;
  }

  /**
   * To be called every third of the ack timeout: gives what to send so that no delivery that is
   * held comes back meanwhile. What came since the last call has time until the next one.
   */
  touches(): Command[] {
    const due = this.#touchable - this.#settled;
    this.#touchable = this.#delivered;
    if (due <= 0) return [];
    const held = [...this.#working, ...this.#deliveries].slice(0, due);
    return held.map(({ id }) => ({ kind: "touch", id }));
  }

  /** Takes the reply to an acknowledgement or a refusal. */
  reply(reply: ReceivedReply): boolean {
    // A refused one means that the broker took the delivery back meanwhile. It comes again, as a
    // duplicate, and is acknowledged again.
    if (!SETTLED.has(reply.kind)) {
      throw new CipherMqError("protocol", `the broker answered an ack with '${reply.kind}'`);
    }
    this.#unconfirmed--;
    return true;
  }

  #open(
    delivery: ReceivedMessage,
    inBatch: ReadonlySet<string>,
  ): OpenedMessage | Settlement {
    try {
      const envelope = this.#reader.read(delivery.text);
      const key = messageKey(envelope);
      if (inBatch.has(key) || this.#options.has(key)) {
        this.counts.duplicates++;
        return { kind: "ack", id: delivery.id };
      }
      this.#requireOurs(envelope);
      return { id: envelope.message_id, text: this.#options.opener.open(envelope), key };
    } catch (error) {
      if (!(error instanceof CipherMqError)) throw error;
      return this.#refuse(delivery, error);
    }
  }

  #requireOurs(envelope: Envelope): void {
    if (envelope.receiver_client_id === this.#options.identity) return;
    throw new CipherMqError("access_denied", "the message is addressed to another client");
  }

  /** The one place that decides about what cannot be opened: told, counted, and made a dead letter. */
  #refuse(delivery: ReceivedMessage, error: CipherMqError): Settlement {
    const refusal = {
      kind: "nack",
      id: delivery.id,
      dead: true,
      reason: reasonOf(error),
    } as const;
    const key = hash("sha256", delivery.text);
    if (this.#told.has(key)) return refusal;
    if (this.#told.size >= MAX_TOLD) this.#told.clear();
    this.#told.add(key);
    this.counts.unopened++;
    this.#options.onProblem({ id: delivery.id, error });
    return refusal;
  }
}

/** The error's text as the broker takes it. */
function reasonOf({ message }: CipherMqError): string {
  return [...message.replaceAll(UNPRINTABLE, " ")].slice(0, MAX_REASON_CHARACTERS).join("");
}
