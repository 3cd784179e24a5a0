/**
 * RabbitMQ's clients under load, with amqplib: a quorum queue, persistent messages, publisher
 * confirms, and one ack for all that came in one turn of the event loop.
 *
 * @module
 */
import { type Channel, type ChannelModel, connect, type ConsumeMessage } from "amqplib";
import { certificateOf, type LoadClient, RECEIVER, SENDER } from "./client.ts";
import { unwrapping, wrapping } from "./payload.ts";
import type { Place } from "./task.ts";

const ARGUMENTS = { durable: true, arguments: { "x-queue-type": "quorum" } };

function open(place: Place, name: string): Promise<ChannelModel> {
  const { ca, cert, key } = certificateOf(place, name);
  const tls = { ca: [ca], cert, key, noDelay: true };
  return connect(`amqps://guest:guest@127.0.0.1:${place.port}`, tls);
}

/** Acknowledges what came in one turn together. */
class Acks {
  /** Resolves when the broker has handled the last ack. */
  readonly done: Promise<void>;
  readonly #channel: Channel;
  readonly #done = Promise.withResolvers<void>();
  #left: number;
  #last: ConsumeMessage | undefined;

  constructor(channel: Channel, messages: number) {
    this.#channel = channel;
    this.#left = messages;
    this.done = this.#done.promise;
  }

  add(message: ConsumeMessage): void {
    if (this.#last === undefined) setImmediate(() => this.#flush());
    this.#last = message;
    this.#left--;
  }

  #flush(): void {
    this.#channel.ack(this.#last!, true);
    this.#last = undefined;
    if (this.#left > 0) return;
    // Acks have no answer: the answer to what is asked behind them has to do.
    this.#channel.checkQueue(RECEIVER).then(() => this.#done.resolve(), this.#done.reject);
  }
}

/** A confirming publisher and an acknowledging consumer of a quorum queue. */
export const rabbitmq: LoadClient = {
  async send(place, workload) {
    const connection = await open(place, SENDER);
    const channel = await connection.createConfirmChannel();
    const wrap = wrapping(place, workload);
    return {
      publish: (text, accepted) => {
        channel.sendToQueue(RECEIVER, wrap(text), { persistent: true }, accepted);
      },
      close: () => connection.close(),
    };
  },

  async receive(place, workload, take) {
    const connection = await open(place, RECEIVER);
    const channel = await connection.createChannel();
    await channel.assertQueue(RECEIVER, ARGUMENTS);
    await channel.prefetch(workload.prefetch);
    const unwrap = unwrapping(place, workload);
    const acks = new Acks(channel, workload.messages);
    await channel.consume(RECEIVER, (message) => {
      take(unwrap(message!.content));
      acks.add(message!);
    });
    return acks;
  },
};
