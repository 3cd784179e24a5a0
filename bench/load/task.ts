/**
 * What a load process is told, and what it tells: one JSON line each way.
 *
 * @module
 */

/** The client library that a load process uses. */
export type ClientName = "ciphermq" | "spread" | "rabbitmq" | "nats" | "mosquitto";

/** Where a load process connects, and how. */
export interface Place {
  /** The folder that has `certs/` of a workspace. */
  readonly folder: string;
  /** The broker's port on this machine. */
  readonly port: number;
}

/** What is sent. */
export interface Workload {
  /** How many messages. */
  readonly messages: number;
  /** Bytes of each text. */
  readonly size: number;
  /** Messages per second, whether or not the broker keeps up; 0 sends as fast as the window allows. */
  readonly rate: number;
  /** Messages that the broker has not accepted yet. */
  readonly window: number;
  /** Deliveries under way to the receiver. */
  readonly prefetch: number;
  /** Whether texts are encrypted from sender to receiver. CipherMQ always does. */
  readonly sealed: boolean;
  /** The MQTT quality of service; only Mosquitto has one. */
  readonly qos?: 1 | 2;
  /** How many queues the messages are spread over; only `spread` does. */
  readonly queues?: number;
  /** How many connections consume them; only `spread` has more than one. */
  readonly consumers?: number;
}

/** All that a load process needs to know. */
export interface LoadTask {
  /** Which end it is. */
  readonly role: "send" | "receive";
  /** The library to use. */
  readonly client: ClientName;
  /** Where. */
  readonly place: Place;
  /** What. */
  readonly workload: Workload;
}

/** How long something took, in milliseconds: half, 99 % and 99.9 % of the messages at most so long. */
export interface Latency {
  /** The median. */
  readonly p50: number;
  /** The 99th percentile. */
  readonly p99: number;
  /** The 99.9th percentile. */
  readonly p999: number;
}

/** What one end has to tell afterwards. Moments are milliseconds since the Unix epoch. */
export interface LoadReport {
  /** A sender's: when the first message was published. A receiver's: when the first one came. */
  readonly firstMs: number;
  /** A sender's: when the last was accepted. A receiver's: when its last ack was confirmed. */
  readonly lastMs: number;
  /** A sender's: from a message's due time to its acceptance. A receiver's: to its delivery. */
  readonly latency: Latency;
}
