/**
 * A client with a valid certificate that behaves badly: nonsense, lines that do not end or are too long,
 * and commands about what belongs to others.
 *
 * @module
 */
import type { Stage } from "./actor.ts";
import { RawClient } from "./raw_client.ts";

const NONSENSE = [
  "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
  "\n\n \n",
  "publish\npublish d\npublish d k\npublish d k {}\n",
  'publish_batch d k [{"message_id":1}]\n',
  "ack\nnack\nfetch\nconsume\n",
  "\x16\x03\x01\x02\x00\x01\x00\xff\xfe\n",
  "consume q0 0\nfetch nowhere\nbind q0 nowhere k\n",
  'publish d r0 {"message_id": \n',
];
const encoder = new TextEncoder();

/** One such client. */
export class Mallory {
  /** Its connection. */
  readonly client: RawClient;
  readonly #stage: Stage;
  readonly #ids: () => string | undefined;

  /** `ids` tells an id that others use. */
  constructor(stage: Stage, ids: () => string | undefined) {
    this.#stage = stage;
    this.client = new RawClient(stage, "mallory");
    this.#ids = ids;
  }

  /** Does something bad. */
  act(): void {
    if (!this.client.isOpen) return this.client.open();
    const { random, world } = this.#stage;
    const kind = random.below(10);
    if (kind < 3) {
      world.counts.add("garbage");
      this.client.sendBytes(encoder.encode(random.pick(NONSENSE)));
    } else if (kind < 4) {
      world.counts.add("line that does not end");
      this.client.sendBytes(encoder.encode("publish d r0 {"));
    } else if (kind < 5) {
      world.counts.add("oversized line");
      this.client.sendBytes(new Uint8Array(world.limits.maxLineBytes + 1).fill(65));
    } else this.#meddle();
  }

  #meddle(): void {
    const { random, scenario } = this.#stage;
    const id = this.#ids() ?? "none";
    const queue = random.pick(scenario.queues).name;
    const key = "A".repeat(43) + "=";
    this.client.send(random.pick([
      `ack ${id}`,
      `ack ${id}`,
      `nack ${id} dead`,
      `touch ${id}`,
      `consume ${queue}`,
      `fetch ${queue}`,
      `redrive ${queue}`,
      `register_key ${random.pick(scenario.identities)} ${key}`,
    ]));
  }
}
