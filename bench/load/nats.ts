/**
 * NATS JetStream's clients under load: a stream in files that forgets what is acknowledged, and one
 * consumer that acknowledges each message.
 *
 * @module
 */
import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy } from "@nats-io/jetstream";
import { StorageType } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { certificateOf, type LoadClient, RECEIVER, SENDER } from "./client.ts";
import { unwrapping, wrapping } from "./payload.ts";
import type { Place } from "./task.ts";

function open(place: Place, name: string): Promise<NatsConnection> {
  const tls = certificateOf(place, name);
  return connect({ servers: `127.0.0.1:${place.port}`, tls, reconnect: false });
}

async function declare(connection: NatsConnection, prefetch: number): Promise<void> {
  const manager = await jetstreamManager(connection);
  await manager.streams.add({
    name: RECEIVER,
    subjects: [RECEIVER],
    storage: StorageType.File,
    retention: RetentionPolicy.Workqueue,
  });
  await manager.consumers.add(RECEIVER, {
    durable_name: RECEIVER,
    ack_policy: AckPolicy.Explicit,
    max_ack_pending: prefetch,
  });
}

/** A publisher that waits for the stream's acks, and a consumer. */
export const nats: LoadClient = {
  async send(place, workload) {
    const connection = await open(place, SENDER);
    const stream = jetstream(connection, { timeout: 60_000 });
    const wrap = wrapping(place, workload);
    return {
      publish: (text, accepted) => {
        stream.publish(RECEIVER, wrap(text)).then(() => accepted(), accepted);
      },
      close: () => connection.close(),
    };
  },

  async receive(place, workload, take) {
    const connection = await open(place, RECEIVER);
    await declare(connection, workload.prefetch);
    const consumer = await jetstream(connection).consumers.get(RECEIVER, RECEIVER);
    const unwrap = unwrapping(place, workload);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let left = workload.messages;
    await consumer.consume({
      max_messages: workload.prefetch,
      callback: (message) => {
        take(unwrap(message.data));
        if (--left > 0) message.ack();
        else message.ackAck().then(() => resolve(), reject);
      },
    });
    return { done: promise };
  },
};
