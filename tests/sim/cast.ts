/**
 * Everybody who takes part in a history.
 *
 * @module
 */
import type { Stage } from "./actor.ts";
import { Mallory } from "./mallory.ts";
import { Meddler, PASSING_QUEUE } from "./meddler.ts";
import type { RawClient } from "./raw_client.ts";
import { RawConsumer } from "./raw_consumer.ts";
import { RawPublisher } from "./raw_publisher.ts";
import { ReceiverActor } from "./receiver_actor.ts";
import { SenderActor } from "./sender_actor.ts";

/** The actors of a history. */
export class Cast {
  readonly senders: readonly SenderActor[];
  readonly receivers: readonly ReceiverActor[];
  readonly publishers: readonly RawPublisher[];
  readonly consumers: readonly RawConsumer[];
  readonly holders: readonly RawConsumer[];
  readonly mallory: Mallory;
  readonly meddlers: readonly Meddler[];
  readonly #stage: Stage;
  readonly #drains = new Map<string, RawConsumer>();

  /** Nobody runs yet. */
  constructor(stage: Stage) {
    const { scenario, random, ledger } = stage;
    const { identities } = scenario;
    const meant = new Map(identities.map((identity) => [identity, new Set<string>()]));
    this.#stage = stage;
    this.receivers = scenario.receivers.map((plan) =>
      new ReceiverActor(stage, plan, meant.get(plan.identity)!)
    );
    this.senders = Array.from(
      { length: scenario.senders },
      (_, n) => new SenderActor(stage, `s${n}`, meant, n < scenario.spooled),
    );
    this.publishers = Array.from(
      { length: scenario.rawPublishers },
      (_, n) => new RawPublisher(stage, `p${n}`, meant),
    );
    const queues = scenario.queues.map(({ name }) => name);
    const places = [...queues, `${random.pick(queues)}.dead`];
    if (scenario.isMeddled) places.push(PASSING_QUEUE);
    const one = () => random.pick(identities);
    this.consumers = [
      new RawConsumer(stage, one(), places, "whimsical"),
      new RawConsumer(stage, one(), places, "fetches"),
    ];
    this.holders = [new RawConsumer(stage, one(), queues, "holds")];
    this.mallory = new Mallory(stage, () => {
      for (const { copies } of ledger.all) if (random.chance(0.2)) return copies[0]!.message.id;
      return undefined;
    });
    this.meddlers = scenario.isMeddled ? [new Meddler(stage)] : [];
    stage.wires.watch.acked = (wire, id, delivered) =>
      this.receivers.find((receiver) => receiver.owns(wire))?.acked(id, delivered);
  }

  /** Starts whoever does not run. */
  start(): void {
    for (const actor of [...this.receivers, ...this.senders]) if (!actor.isUp) actor.start();
  }

  /** Those who behave badly or at their whim go; whoever holds leases stays and says nothing. */
  calm(): void {
    for (const client of this.#passing()) client.close();
  }

  /** Sees to it that each lane with messages has somebody who takes them. */
  drain(): void {
    for (const [queue, identity] of this.#stage.ledger.lanes()) {
      const name = `${queue} ${identity}`;
      if (queue.endsWith(".dead") || this.#isServed(queue, identity)) continue;
      let drain = this.#drains.get(name);
      if (drain === undefined) {
        drain = new RawConsumer(this.#stage, identity, [queue], "drains");
        this.#drains.set(name, drain);
      }
      drain.client.open();
    }
  }

  /** What is not over yet; nothing when everything is. */
  unfinished(): string | undefined {
    const { ledger, wires, world } = this.#stage;
    if (!world.isUp) return "the broker is down";
    for (const [queue, identity] of ledger.lanes()) {
      if (!queue.endsWith(".dead")) return `${queue} has messages of ${identity}`;
    }
    const busy = this.senders.find((sender) => !sender.isDone);
    if (busy !== undefined) return `${busy.name} waits`;
    if (!this.#passing().every(({ isGone }) => isGone)) return "somebody has not left";
    const away = this.receivers.find((receiver) => !receiver.isReady);
    if (away !== undefined) return `${away.plan.identity} is not connected`;
    for (const { wire, held, asked, identity } of wires.open) {
      const isReal = this.receivers.some((receiver) => receiver.owns(wire));
      if (isReal && held.length > 0) return `${identity} has not answered for ${held[0]!.id}`;
      if (asked.length > 0) return `${identity} has no reply to '${asked.peek()!.line}'`;
    }
    return undefined;
  }

  /** Everybody leaves. */
  async close(): Promise<void> {
    for (const { client } of [...this.holders, ...this.#drains.values()]) client.close();
    await Promise.all([...this.senders, ...this.receivers].map((actor) => actor.close()));
  }

  /** The connections of those who are not wanted at the end. */
  #passing(): RawClient[] {
    const actors = [...this.consumers, ...this.publishers, ...this.meddlers, this.mallory];
    return actors.map(({ client }) => client);
  }

  #isServed(queue: string, identity: string): boolean {
    return this.receivers.some(({ plan }) => plan.queue === queue && plan.identity === identity);
  }
}
