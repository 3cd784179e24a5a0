/**
 * Counts of what the broker did, under the names the original's `stats` reply gave them.
 *
 * @module
 */

/** What `Stats: …` says. Times are seconds; an average of nothing is 0. */
export interface StatsReport {
  /** `[name, messages]` of each queue, leased messages included. */
  readonly queues: readonly (readonly [string, number])[];
  /** `[name, consumers]` of each queue that has any. */
  readonly consumers: readonly (readonly [string, number])[];
  /** Messages accepted, deliveries made and messages acknowledged since the start or `reset_stats`. */
  readonly message_status_counts: {
    readonly sent: number;
    readonly delivered: number;
    readonly acknowledged: number;
  };
  /** Declared exchanges. */
  readonly total_exchanges: number;
  /** Bindings of all exchanges. */
  readonly total_bindings: number;
  /** Connections that are open now. */
  readonly connected_clients: number;
  /** From a command's arrival to its reply. */
  readonly request_times_avg_seconds: number;
  /** From a message's acceptance to its receiver's ack. */
  readonly avg_publish_to_ack_seconds: number;
  /** From a delivery to its ack. */
  readonly avg_delivery_to_ack_seconds: number;
  /** Message ids remembered to recognise duplicates. */
  readonly remembered_ids: number;
  /** Message ids forgotten before the duplicate horizon, because there were too many. */
  readonly ids_forgotten_early: number;
  /** Messages that were published again and answered without being stored again. */
  readonly duplicates: number;
  /** Deliveries that were not the message's first. */
  readonly redelivered: number;
  /** Messages that became dead letters. */
  readonly dead_lettered: number;
  /** Messages whose time to live was over. */
  readonly expired: number;
  /** Publishes refused because a limit was reached or the disk is nearly full. */
  readonly refused_full: number;
  /** Commands besides publishes refused because a limit was reached. */
  readonly refused_limit: number;
  /** Connections that were refused: no good certificate, no handshake in time, or too many. */
  readonly refused_connections: number;
}

class Average {
  #count = 0;
  #totalMs = 0;

  add(ms: number, count = 1): void {
    this.#count += count;
    this.#totalMs += Math.max(0, ms) * count;
  }

  get seconds(): number {
    return this.#count === 0 ? 0 : this.#totalMs / this.#count / 1000;
  }
}

/** The counters that grow while the broker runs. */
export class Stats {
  /** Messages accepted. */
  sent = 0;
  /** Deliveries made, repeated ones included. */
  delivered = 0;
  /** Messages acknowledged. */
  acknowledged = 0;
  /** Messages accepted again without being stored again. */
  duplicates = 0;
  /** Deliveries that were not the message's first. */
  redelivered = 0;
  /** Messages that became dead letters. */
  deadLettered = 0;
  /** Messages whose time to live was over. */
  expired = 0;
  /** Publishes refused because a limit was reached or the disk is nearly full. */
  refusedFull = 0;
  /** Commands besides publishes refused because a limit was reached. */
  refusedLimit = 0;
  /** Connections that were refused. */
  refusedConnections = 0;
  #requests = new Average();
  #publishToAck = new Average();
  #deliveryToAck = new Average();

  /** Starts all counts anew. */
  reset(): void {
    Object.assign(this, new Stats());
    this.#requests = new Average();
    this.#publishToAck = new Average();
    this.#deliveryToAck = new Average();
  }

  /** Counts `count` commands that were answered `ms` milliseconds after they came. */
  answered(count: number, ms: number): void {
    this.#requests.add(ms, count);
  }

  /** Counts the refusal of a publish, or of another command, because a limit was reached. */
  limited(publish: boolean): void {
    if (publish) this.refusedFull++;
    else this.refusedLimit++;
  }

  /** Counts an ack; `deliveryMs` is absent for a late one, whose lease had ended. */
  acked(publishMs: number, deliveryMs: number | undefined): void {
    this.acknowledged++;
    this.#publishToAck.add(publishMs);
    if (deliveryMs !== undefined) this.#deliveryToAck.add(deliveryMs);
  }

  /** The averages and counts, as the report names them. */
  report(): Pick<
    StatsReport,
    | "message_status_counts"
    | "request_times_avg_seconds"
    | "avg_publish_to_ack_seconds"
    | "avg_delivery_to_ack_seconds"
    | "duplicates"
    | "redelivered"
    | "dead_lettered"
    | "expired"
    | "refused_full"
    | "refused_limit"
    | "refused_connections"
  > {
    return {
      message_status_counts: {
        sent: this.sent,
        delivered: this.delivered,
        acknowledged: this.acknowledged,
      },
      request_times_avg_seconds: this.#requests.seconds,
      avg_publish_to_ack_seconds: this.#publishToAck.seconds,
      avg_delivery_to_ack_seconds: this.#deliveryToAck.seconds,
      duplicates: this.duplicates,
      redelivered: this.redelivered,
      dead_lettered: this.deadLettered,
      expired: this.expired,
      refused_full: this.refusedFull,
      refused_limit: this.refusedLimit,
      refused_connections: this.refusedConnections,
    };
  }
}
