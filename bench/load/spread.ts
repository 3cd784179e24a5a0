/**
 * CipherMQ's clients below `Sender` and `Receiver`, which have one queue: bare connections that spread
 * messages over many queues and take them with many consumers.
 *
 * @module
 */
import { envelopeText } from "../../lib/base/envelope.ts";
import { Connection, type ConnectionEvents } from "../../lib/client/connection.ts";
import type { ReplyHandler } from "../../lib/client/conversation.ts";
import { EnvelopeOpener, EnvelopeSealer } from "../../lib/crypto/envelope.ts";
import { readPrivateKey, readPublicKey } from "../../lib/crypto/key_file.ts";
import type { Command } from "../../lib/wire/command.ts";
import { parseEnvelope } from "../../lib/wire/envelope_text.ts";
import type { ReceivedMessage } from "../../lib/wire/reply.ts";
import { connectionOf } from "./ciphermq.ts";
import { type LoadClient, RECEIVER, SENDER } from "./client.ts";
import type { Place, Workload } from "./task.ts";

const EXCHANGE = "ciphermq";
/** Deliveries under way to each of many subscriptions: what the broker gives who asks for nothing. */
const LEAST_PREFETCH = 256;
const CONNECTING_AT_ONCE = 20;
const encoder = new TextEncoder();

function queueName(index: number): string {
  return `queue_${index}`;
}

function connect(place: Place, name: string, events: Partial<ConnectionEvents> = {}) {
  const ignore = () => {};
  const all = { message: ignore, turn: ignore, drained: ignore, ...events };
  return Connection.open(connectionOf(place, name), all);
}

/** Asks for many things at once and waits for all. */
async function askAll(connection: Connection, commands: readonly Command[]): Promise<void> {
  for (const reply of await Promise.all(commands.map((command) => connection.request(command)))) {
    if (reply.kind === "failed") throw new Error(reply.text);
  }
}

async function declare(place: Place, queues: number): Promise<void> {
  const connection = await connect(place, RECEIVER);
  const names = Array.from({ length: queues }, (_, index) => queueName(index));
  await askAll(connection, [
    { kind: "declare_exchange", exchange: EXCHANGE, exchangeKind: "direct" },
    ...names.flatMap((queue): Command[] => [
      { kind: "declare_queue", queue, options: {} },
      { kind: "bind", queue, exchange: EXCHANGE, routingKey: queue },
    ]),
  ]);
  await connection.close();
}

/** Opens each message and acknowledges it. */
class Consumers {
  /** Resolves when every ack is confirmed. */
  readonly done: Promise<void>;
  readonly #connections: Connection[] = [];
  readonly #confirmed: ReplyHandler;

  constructor(messages: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.done = promise;
    let left = messages;
    this.#confirmed = {
      reply: () => {
        if (--left === 0) resolve();
        return true;
      },
    };
  }

  async connect(place: Place, count: number, take: (text: string) => void): Promise<void> {
    const opener = new EnvelopeOpener(
      readPrivateKey(`${place.folder}/certs/${RECEIVER}_private.key`),
    );
    const one = async () => {
      const message = ({ id, text }: ReceivedMessage) => {
        take(opener.open(parseEnvelope(text)));
        connection.send({ kind: "ack", id }, this.#confirmed);
      };
      const connection = await connect(place, RECEIVER, { message });
      this.#connections.push(connection);
    };
    while (this.#connections.length < count) {
      const next = Math.min(CONNECTING_AT_ONCE, count - this.#connections.length);
      await Promise.all(Array.from({ length: next }, one));
    }
  }

  /** Each connection has a queue, and each queue a connection. */
  async consume({ queues = 1, prefetch }: Workload): Promise<void> {
    const subscriptions = Math.max(queues, this.#connections.length);
    const each = Math.max(LEAST_PREFETCH, Math.floor(prefetch / subscriptions));
    const commands = this.#connections.map((): Command[] => []);
    for (let index = 0; index < subscriptions; index++) {
      const queue = queueName(index % queues);
      commands[index % commands.length]!.push({ kind: "consume", queue, prefetch: each });
    }
    await Promise.all(this.#connections.map((one, index) => askAll(one, commands[index]!)));
  }
}

/** One publisher of single messages to each queue in turn, and any number of consumers. */
export const spread: LoadClient = {
  async send(place, { queues = 1 }) {
    const publicKey = readPublicKey(`${place.folder}/certs/${RECEIVER}_public.key`);
    const sealer = new EnvelopeSealer({ receiver: RECEIVER, publicKey });
    const connection = await connect(place, SENDER);
    let next = 0;
    return {
      publish: (text, accepted) => {
        const envelope = sealer.seal(text);
        const body = encoder.encode(envelopeText(envelope));
        const message = { id: envelope.message_id, receiver: RECEIVER, body };
        const routingKey = queueName(next++ % queues);
        connection.send({ kind: "publish", exchange: EXCHANGE, routingKey, message }, {
          reply: (reply) => {
            accepted(reply.kind === "failed" ? new Error(reply.text) : undefined);
            return true;
          },
        });
      },
      close: () => connection.close(),
    };
  },

  async receive(place, workload, take) {
    await declare(place, workload.queues ?? 1);
    const consumers = new Consumers(workload.messages);
    await consumers.connect(place, workload.consumers ?? 1, take);
    await consumers.consume(workload);
    return consumers;
  },
};
