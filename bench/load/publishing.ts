/**
 * Sends a workload's messages: as fast as its window allows, or at a rate that does not wait.
 *
 * @module
 */
import type { LoadSender } from "./client.ts";
import { Latencies, wallMs } from "./latencies.ts";
import { everyMillisecond } from "./metronome.ts";
import type { LoadReport, Workload } from "./task.ts";
import { Texts } from "./texts.ts";

/** Publishes everything and waits until the broker has it. */
export async function publishAll(sender: LoadSender, workload: Workload): Promise<LoadReport> {
  const publishing = new Publishing(sender, workload);
  const firstMs = wallMs();
  if (workload.rate === 0) publishing.fill();
  else {
    const perBeat = workload.rate / 1000;
    let due = 0;
    await everyMillisecond(Math.ceil(workload.messages / perBeat), (dueMs) => {
      due += perBeat;
      // Late or not: what is due is sent, and its time counts from when it was due.
      while (publishing.published < due) publishing.publish(dueMs);
    });
  }
  const latency = await publishing.done;
  return { firstMs, lastMs: wallMs(), latency };
}

class Publishing {
  /** How many were published. */
  published = 0;
  readonly #sender: LoadSender;
  readonly #workload: Workload;
  readonly #texts: Texts;
  readonly #latencies = new Latencies();
  readonly #done = Promise.withResolvers<void>();

  constructor(sender: LoadSender, workload: Workload) {
    this.#sender = sender;
    this.#workload = workload;
    this.#texts = new Texts(workload.size);
  }

  /** Resolves when all are accepted. */
  get done(): Promise<LoadReport["latency"]> {
    return this.#done.promise.then(() => this.#latencies.report());
  }

  /** Publishes until the window is full. */
  fill(): void {
    const { messages, window } = this.#workload;
    while (this.published < messages && this.published - this.#latencies.count < window) {
      this.publish(wallMs());
    }
  }

  /** Publishes one that is due at `dueMs`, unless all are published. */
  publish(dueMs: number): void {
    const { messages, rate } = this.#workload;
    this.published++;
    if (this.published > messages) return;
    this.#sender.publish(this.#texts.make(dueMs), (error) => {
      if (error) return this.#done.reject(error);
      this.#latencies.add(wallMs() - dueMs);
      if (this.#latencies.count === messages) this.#done.resolve();
      else if (rate === 0) this.fill();
    });
  }
}
