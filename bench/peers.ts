/**
 * CipherMQ beside the brokers that somebody might take instead: the same workloads in turn in the
 * same run, over mutual TLS, with and without the clients encrypting as CipherMQ's do.
 *
 * @module
 */
import { type Contestant, hold, type Series } from "./lab/contest.ts";
import { describeMachine, readMachine } from "./lab/machine.ts";
import { readOptions } from "./lab/options.ts";
import { writeJson } from "./lab/report.ts";
import { grouped, peerTable } from "./lab/tables.ts";
import { CIPHERMQ } from "./servers/ciphermq.ts";
import { MOSQUITTO_1, MOSQUITTO_2 } from "./servers/mosquitto.ts";
import { NATS, NATS_SYNCED } from "./servers/nats.ts";
import { RABBITMQ } from "./servers/rabbitmq.ts";

const options = readOptions(Deno.args, {
  runs: 5,
  messages: 100_000,
  sizes: [256, 1024],
  rates: [0, 1_000],
  seconds: 5,
  only: [],
});
const peers = [RABBITMQ, NATS, NATS_SYNCED, MOSQUITTO_1, MOSQUITTO_2].filter(({ name }) =>
  options.only.length === 0 ||
  options.only.some((word) => name.toLowerCase().includes(word.toLowerCase()))
);
const contestants: Contestant[] = [
  { server: CIPHERMQ, sealed: true },
  ...peers.flatMap((server) => [{ server, sealed: false }, { server, sealed: true }]),
];
const machine = readMachine();
const contest = await hold(contestants, options);

function isSameWorkload(one: Series, other: Series): boolean {
  return one.size === other.size && one.rate === other.rate;
}

console.log(`${describeMachine(machine)}; medians of ${options.runs} runs`);
for (const ours of contest.series.filter(({ server }) => server === CIPHERMQ.name)) {
  const speed = ours.rate === 0 ? "as fast as possible" : `${grouped(ours.rate)} messages/s`;
  console.log(`\n${ours.size} B, ${speed}\n`);
  console.log(peerTable(contest.series.filter((one) => isSameWorkload(one, ours)), ours));
}
console.log("\nWhat they do not do:");
for (const { name, lacks } of peers) console.log(`- ${name}: ${lacks}`);
for (const why of contest.skipped) console.log(`- not measured: ${why}`);
writeJson(machine, contest, options);
