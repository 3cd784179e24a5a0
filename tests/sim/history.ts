/**
 * One history: a seed decides what the broker, its clients, their network, their disks and their clocks do.
 * First 200 operations with faults (safety), then no more faults, and everything must drain (liveness).
 *
 * I9 is counted here, I11 and I14 are checked here.
 *
 * @module
 */
import type { Stage } from "./actor.ts";
import { Cast } from "./cast.ts";
import type { FaultCounts } from "./faults.ts";
import { Ledger } from "./ledger.ts";
import { Mischief } from "./mischief.ts";
import { Scenario } from "./scenario.ts";
import { SeededEntropy } from "./seeded_entropy.ts";
import type { SimulatedWire } from "./simulated_wire.ts";
import { Verdict } from "./verdict.ts";
import { WireChecker } from "./wire_checker.ts";
import { World } from "./world.ts";

/** Operations of one history. */
export const OPERATIONS = 200;
/** One history in so many has a queue that comes and goes: the saved ones were found without it. */
const MEDDLED = 7;
/** How long everything may take to drain without faults, in simulated milliseconds. */
const DRAIN_MS = 60_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How a history went. */
export interface HistoryResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly counts: FaultCounts;
  /** Things that happened. */
  readonly events: number;
  /** Commands and replies. */
  readonly lines: number;
  readonly simulatedMs: number;
  /** Messages on the broker's disk, and messages of which a sender never learned the outcome. */
  readonly accepted: number;
  readonly unknown: number;
}

/** Lives one history through. With a trace, all that happens is added to it. */
export async function liveHistory(seed: number, trace?: string[]): Promise<HistoryResult> {
  const random = new SeededEntropy(seed);
  const scenario = new Scenario(random.fork(), seed % MEDDLED === 1);
  const world = new World(random.uint32(), scenario.limits);
  const { clock, disk } = world;
  const nowMs = () => clock.nowMs;
  const verdict = new Verdict(nowMs, trace);
  const wires = new WireChecker(verdict, scenario, nowMs);
  const ledger = new Ledger(verdict, scenario, nowMs, wires);
  wires.ledger = ledger;
  const stage: Stage = { world, scenario, verdict, ledger, wires, random, texts: new Map() };
  watch(stage);
  disk.install(scenario.changes(), clock.now().wallMs);
  const cast = new Cast(stage);
  const mischief = new Mischief(stage, cast);
  await clock.until(world.startBroker());
  cast.start();
  await clock.until(act(stage, mischief));
  mischief.end();
  if (!verdict.isBroken) await settle(stage, cast, mischief);
  return {
    seed,
    violations: verdict.violations,
    counts: world.counts,
    events: clock.happened,
    lines: wires.lines,
    simulatedMs: clock.nowMs,
    accepted: [...ledger.all].length,
    unknown: cast.senders.reduce((sum, sender) => sum + sender.unknown, 0),
  };
}

function watch({ world, verdict, ledger, wires }: Stage): void {
  world.network.observer = wires;
  if (verdict.isTraced) world.counts.onFault = (fault) => verdict.note(`FAULT ${fault}`);
  world.disk.observer = {
    asked: (_changes, wallMs) => {
      ledger.asked(wallMs);
      wires.commitAsked();
    },
    durable: (changes, wallMs) => {
      if (verdict.isTraced) {
        const kinds = changes.map((change) =>
          "message" in change
            ? `${change.kind} ${change.message.queue} ${change.message.receiver} ${change.message.seq}`
            : change.kind
        );
        verdict.note(`commit ${ledger.batch}: ${kinds.join(", ")}`);
      }
      ledger.durable(changes, wallMs);
      wires.commitDurable(changes);
    },
    usedAfterFailure: () => verdict.report("I14", "the broker goes on after a failed commit"),
  };
  world.onBrokerFailure = (error, injected) => {
    verdict.require(injected, "sanity", () => `the broker stops: ${error.message}`);
    world.clock.soon(() => world.crashBroker());
  };
  world.onBrokerStart = (accept) => {
    ledger.started();
    return probe({ world, verdict, ledger }, accept);
  };
}

/** I14: whoever asks a new broker before anything else finds what the last commit left. */
async function probe(
  { world, verdict, ledger }: Pick<Stage, "world" | "verdict" | "ledger">,
  accept: (socket: SimulatedWire) => void,
): Promise<void> {
  const { batch } = ledger;
  const report = await ask(world, accept);
  if (report === undefined || ledger.batch !== batch) return;
  for (const [queue, messages] of report.queues) {
    const expected = ledger.sizes.get(queue) ?? 0;
    verdict.require(
      messages === expected,
      "I14",
      () => `after a restart ${queue} has ${messages} messages, and not ${expected}`,
    );
  }
}

interface Report {
  readonly queues: readonly (readonly [string, number])[];
  readonly consumers: readonly unknown[];
  readonly connected_clients: number;
}

/** Asks a broker for its figures; nothing when it did not come to that. */
async function ask(
  { network }: World,
  accept: (socket: SimulatedWire) => void,
): Promise<Report | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const wire = network.connect("probe", accept);
  let text = "";
  wire.onData = (chunk) => {
    text += decoder.decode(chunk);
    if (text.endsWith("\n")) resolve(text);
  };
  wire.onClose = () => resolve(undefined);
  wire.write(encoder.encode("stats\n"));
  const line = await promise;
  wire.end();
  return line === undefined ? undefined : JSON.parse(line.slice("Stats: ".length));
}

/** The operations, one after another. */
function act({ world, verdict, random }: Stage, mischief: Mischief): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = OPERATIONS;
  const next = () => {
    if (left-- === 0 || verdict.isBroken) return resolve();
    const pauseMs = mischief.operate();
    world.clock.after(pauseMs + random.between(0, 6), next);
  };
  next();
  return promise;
}

/** I11: without faults everything drains; and then I1 and I12 once more, looked at from the end. */
async function settle(stage: Stage, cast: Cast, mischief: Mischief): Promise<void> {
  const { world, verdict } = stage;
  const { clock } = world;
  const endMs = clock.nowMs + DRAIN_MS;
  cast.calm();
  for (let quiet = 0;;) {
    mischief.restart();
    cast.start();
    cast.drain();
    await clock.pass(40);
    const unfinished = cast.unfinished();
    quiet = unfinished === undefined ? quiet + 1 : 0;
    // What has just come to the broker at one look is in a queue at the next.
    if (quiet === 2 || verdict.isBroken) break;
    if (clock.nowMs > endMs) return verdict.report("I11", `it does not drain: ${unfinished}`);
  }
  if (verdict.isBroken) return;
  await clock.until(cast.close());
  await clock.pass(5_000);
  checkEnd(stage);
  const { promise, resolve } = Promise.withResolvers<Report | undefined>();
  world.network.whenListening((accept) => ask(world, accept).then(resolve));
  const report = await clock.until(promise);
  verdict.require(
    report?.connected_clients === 1 && report.consumers.length === 0,
    "I12",
    () => `the broker keeps ${report?.connected_clients} clients of one`,
  );
  await clock.until(world.stopBroker());
}

/** Every copy of what was accepted has left as it may, or is a dead letter, visible. */
function checkEnd({ ledger, verdict }: Stage): void {
  for (const { copies } of ledger.all) {
    for (const { gone, message } of copies) {
      verdict.require(
        gone !== undefined || message.queue.endsWith(".dead"),
        "I1",
        () => `${message.id} is still in ${message.queue}`,
      );
    }
  }
}
