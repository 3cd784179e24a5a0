/**
 * How fast CipherMQ is on this machine: a sender, the broker and a receiver as three processes, mutual
 * TLS, texts encrypted from end to end, each ACK after an fsync. Beside it, SQLite alone.
 *
 * @module
 */
import { hold } from "./lab/contest.ts";
import { describeMachine, readMachine } from "./lab/machine.ts";
import { readOptions } from "./lab/options.ts";
import { writeJson } from "./lab/report.ts";
import { baselineTable, workloadTable } from "./lab/tables.ts";
import { CIPHERMQ } from "./servers/ciphermq.ts";

const options = readOptions(Deno.args, {
  runs: 5,
  messages: 100_000,
  sizes: [256, 1024],
  rates: [0, 1_000, 10_000],
  seconds: 10,
  only: [],
});
const machine = readMachine();
const contest = await hold([{ server: CIPHERMQ, sealed: true }], options);
console.log(`${describeMachine(machine)}; medians of ${options.runs} runs\n`);
console.log(`${workloadTable(contest.series)}\n`);
console.log(baselineTable(contest));
writeJson(machine, contest, options);
