/**
 * The benchmark itself: it runs, and counts right.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Latencies } from "../bench/load/latencies.ts";
import { dueMsOf, Texts } from "../bench/load/texts.ts";
import { type Figures, median } from "../bench/lab/run.ts";

const BENCH = fileURLToPath(new URL("../bench/main.ts", import.meta.url));

Deno.test("the benchmark measures the real program at full speed and at a rate", async () => {
  const json = Deno.makeTempFileSync();
  const workload = ["--runs", "1", "--messages", "200", "--size", "64", "--rate", "0,400"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--frozen", "--allow-all", BENCH, ...workload, "--json", json],
  }).output();
  const report = Deno.readTextFileSync(json);
  Deno.removeSync(json);
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const { series } = JSON.parse(report) as { series: { median: Figures }[] };
  for (const { median: figures } of series) {
    for (const [name, number] of Object.entries(figures)) {
      // The system counts processor time in hundredths of a second.
      assert(name.endsWith("cpu_seconds") ? number >= 0 : number > 0, `${name} is ${number}`);
    }
    assert(figures.ack_p50_ms <= figures.ack_p99_ms && figures.ack_p99_ms <= figures.ack_p999_ms);
  }
  const atRate = series[1]!.median.messages_per_second;
  assert(atRate > 0 && atRate <= 440, `at most the rate that was asked for, not ${atRate}`);
  const printed = new TextDecoder().decode(stdout);
  assert.match(printed, /^\| 64 B, saturated \| [\d,]+ \|.*\n\| 64 B, 400\/s \| [\d,]+ \|/m);
  assert.match(printed, /^\| 64 B \| [\d,]+ \| [\d,]+ \| 0\.\d+ \|$/m);
});

Deno.test("percentiles are of what came after the warm-up", () => {
  const latencies = new Latencies();
  for (let slow = 0; slow < 100; slow++) latencies.add(5_000);
  for (let ms = 900; ms > 0; ms--) latencies.add(ms);
  assert.deepEqual(latencies.report(), { p50: 450, p99: 891, p999: 900 });
});

Deno.test("the median is the middle, or the mean of the two in the middle", () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(median([10, 4, 1, 2]), 3);
  assert.equal(median([7]), 7);
});

Deno.test("a text has its size and says when it was due", () => {
  const texts = new Texts(256);
  const text = texts.make(1_795_386_315_947.5557);
  assert.equal(text.length, 256);
  assert.equal(dueMsOf(text), 1_795_386_315_947.556);
  assert.notEqual(texts.make(0).slice(20), text.slice(20));
});
