/**
 * CipherMQ's own clients under load.
 *
 * @module
 */
import type { ConnectionOptions } from "../../lib/client/connection.ts";
import { MemoryInbox } from "../../lib/client/inbox.ts";
import { Receiver } from "../../lib/client/receiver.ts";
import { Sender } from "../../lib/client/sender.ts";
import { HandlerSink } from "../../lib/client/sink.ts";
import { readPrivateKey } from "../../lib/crypto/key_file.ts";
import { certificateOf, type LoadClient, RECEIVER, SENDER } from "./client.ts";
import type { Place } from "./task.ts";

/** Where a client of the broker connects. */
export function connectionOf(place: Place, identity: string): ConnectionOptions {
  const { ca, cert, key } = certificateOf(place, identity);
  return {
    host: "127.0.0.1",
    port: place.port,
    credentials: { certificate: cert, privateKey: key, authorities: ca },
  };
}

/** The sender and the receiver that `mod.ts` exports. */
export const ciphermq: LoadClient = {
  async send(place, { window }) {
    const sender = await Sender.connect({
      connection: connectionOf(place, SENDER),
      // Messages are what bounds it, as with the others.
      window: { maxMessages: window, maxBytes: 1024 ** 3 },
    });
    return {
      publish: (text, accepted) => sender.post(RECEIVER, text, accepted),
      close: () => sender.close(),
    };
  },

  async receive(place, { messages, prefetch }, take) {
    const sink = new HandlerSink((batch) => {
      for (const { text } of batch) take(text);
    }, new MemoryInbox());
    return await Receiver.start({
      connection: connectionOf(place, RECEIVER),
      identity: RECEIVER,
      privateKey: readPrivateKey(`${place.folder}/certs/${RECEIVER}_private.key`),
      sink,
      prefetch,
      maxMessages: messages,
    });
  },
};
