/**
 * A real sender that crashes and comes back, with or without a spool.
 *
 * I1: what it reports as sent is on the broker's disk. I9: what it could not report has an unknown
 * outcome; that is counted, and no error.
 *
 * @module
 */
import { CipherMqError } from "../../lib/base/errors.ts";
import { Sender } from "../../lib/client/sender.ts";
import type { Stage } from "./actor.ts";
import { BACKOFF, KEEP_ALIVE } from "./client_options.ts";
import type { RoutePlan } from "./scenario.ts";
import type { SimulatedProcess } from "./simulated_process.ts";
import { SpoolDisk } from "./simulated_spool.ts";

/** So many at most are given to a sender and not settled. */
const MAX_UNSETTLED = 24;

/** One sender and what survives it. */
export class SenderActor {
  readonly name: string;
  readonly #stage: Stage;
  readonly #route: RoutePlan;
  readonly #meant: Map<string, Set<string>>;
  readonly #spool: SpoolDisk | undefined;
  #process: SimulatedProcess | undefined;
  #sender: Sender | undefined;
  #sent = 0;
  #unsettled = 0;
  /** How many were reported as sent, and of how many nobody will know. */
  accepted = 0;
  unknown = 0;

  /** A sender that does not run yet. */
  constructor(
    stage: Stage,
    name: string,
    meant: Map<string, Set<string>>,
    hasSpool: boolean,
  ) {
    this.#stage = stage;
    this.name = name;
    this.#meant = meant;
    this.#route = stage.random.pick(stage.scenario.routes);
    this.#spool = hasSpool ? new SpoolDisk(stage.random.fork()) : undefined;
  }

  /** Whether it runs, or tries to. */
  get isUp(): boolean {
    return this.#process !== undefined;
  }

  /** Whether everything is settled that can be. */
  get isDone(): boolean {
    return this.#sender !== undefined && this.#unsettled === 0 && (this.#spool?.size ?? 0) === 0;
  }

  /** Starts it; again and again, as long as it does not connect. */
  start(): void {
    const { world } = this.#stage;
    const { exchange, key } = this.#route;
    const process = world.process();
    this.#process = process;
    const connected = Sender.connect({
      connection: { ...world.connection(this.name, process), ...KEEP_ALIVE },
      backoff: BACKOFF,
      exchange,
      ...(exchange !== "d" && { routingKey: key }),
      window: { maxMessages: 16, maxBatchMessages: 5, retry: BACKOFF },
      keys: { retry: BACKOFF },
      ...(this.#spool !== undefined && { spool: this.#spool }),
      recovered: (_receiver, error) => this.#recovered(error),
    });
    void this.#follow(process, connected);
  }

  /** Sends something, if it may now. */
  send(): void {
    const { random, scenario, texts } = this.#stage;
    if (this.#sender === undefined || this.#unsettled >= MAX_UNSETTLED) return;
    const receiver = random.pick(scenario.identities);
    const messageId = `${this.name}-${this.#sent++}`;
    const text = messageId.padEnd(random.below(120), ".");
    texts.set(`${this.name} ${messageId}`, text);
    this.#meant.get(receiver)!.add(text);
    this.#unsettled++;
    const ttl = random.chance(0.05) ? { ttlMs: 1 + random.below(800) } : {};
    const process = this.#process!;
    this.#sender.send(receiver, text, { messageId, ...ttl }).then(
      () => this.#settled(process, messageId),
      (error) => this.#settled(process, messageId, error),
    );
  }

  /** Ends it at once. */
  crash(): void {
    if (this.#process === undefined) return;
    this.#process.kill();
    this.#process = undefined;
    this.#sender = undefined;
    this.unknown += this.#unsettled;
    this.#unsettled = 0;
    this.#spool?.crash();
  }

  /** Ends it in order. */
  async close(): Promise<void> {
    await this.#sender?.close();
  }

  #settled(process: SimulatedProcess, id: string, error?: unknown): void {
    if (!process.alive) return;
    this.#unsettled--;
    this.#check(error, id);
    if (error !== undefined) return;
    this.accepted++;
    const { ledger, verdict } = this.#stage;
    verdict.require(
      ledger.accepted(this.name, id) !== undefined,
      "I1",
      () => `${this.name} reports ${id} as sent, and it is not on the disk`,
    );
  }

  #recovered(error?: CipherMqError): void {
    // Twice a broker that crashed hung up on it before it answered: the next sender has the spool.
    if (this.#sender === undefined && error?.code === "tls") return;
    this.#check(error, "what a spool kept");
  }

  #check(error: unknown, what: string): void {
    this.#stage.verdict.require(
      error === undefined,
      "sanity",
      () => `${this.name} gave up ${what}: ${error}`,
    );
  }

  async #follow(process: SimulatedProcess, connected: Promise<Sender>): Promise<void> {
    try {
      this.#sender = await connected;
    } catch (error) {
      if (!process.alive) return;
      this.crash();
      const explained = error instanceof CipherMqError;
      this.#stage.verdict.require(explained, "sanity", () => `a sender ended: ${error}`);
      this.#stage.world.clock.after(100, () => {
        if (!this.isUp) this.start();
      });
    }
  }
}
