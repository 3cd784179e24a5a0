/**
 * A broker's client library as the benchmark sees it, the same for all brokers.
 *
 * @module
 */
import type { Place, Workload } from "./task.ts";

/** Publishes texts. */
export interface LoadSender {
  /** Publishes one; `accepted` is called once the broker has it, with why when it does not take it. */
  publish(text: string, accepted: (error?: Error | null) => void): void;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** One client library. */
export interface LoadClient {
  /** Connects a sender. The receiver was there before. */
  send(place: Place, workload: Workload): Promise<LoadSender>;
  /**
   * Connects a receiver that gives each text to `take` and then acknowledges it. Resolves once
   * messages would come; what it resolves with has a promise for the last ack's confirmation, of as
   * many messages as the workload has.
   */
  receive(
    place: Place,
    workload: Workload,
    take: (text: string) => void,
  ): Promise<{ readonly done: Promise<void> }>;
}

/** The certificates of one client. */
export interface ClientCertificate {
  /** The authority's certificate, PEM. */
  readonly ca: string;
  /** The client's certificate, PEM. */
  readonly cert: string;
  /** Its private key, PEM. */
  readonly key: string;
}

/** Who sends. */
export const SENDER = "sender_1";
/** Who receives; its queue, topic or subject has the same name. */
export const RECEIVER = "receiver_1";

/** Reads the certificates of a client. */
export function certificateOf({ folder }: Place, name: string): ClientCertificate {
  const read = (file: string) => Deno.readTextFileSync(`${folder}/certs/${file}`);
  return { ca: read("ca.crt"), cert: read(`${name}.crt`), key: read(`${name}.key`) };
}
