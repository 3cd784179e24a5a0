/**
 * One load process: connects, says so, waits for a line, sends or receives everything, reports, and
 * stays, so that what it used can be read, until it is ended.
 *
 * @module
 */
import type { LoadClient } from "./client.ts";
import { Latencies, wallMs } from "./latencies.ts";
import { publishAll } from "./publishing.ts";
import type { ClientName, LoadReport, LoadTask } from "./task.ts";
import { dueMsOf } from "./texts.ts";

/** Each loads its own library only. */
const CLIENTS: Readonly<Record<ClientName, () => Promise<LoadClient>>> = {
  ciphermq: async () => (await import("./ciphermq.ts")).ciphermq,
  spread: async () => (await import("./spread.ts")).spread,
  rabbitmq: async () => (await import("./rabbitmq.ts")).rabbitmq,
  nats: async () => (await import("./nats.ts")).nats,
  mosquitto: async () => (await import("./mosquitto.ts")).mosquitto,
};

type Started = () => Promise<LoadReport>;

async function startSender(client: LoadClient, { place, workload }: LoadTask): Promise<Started> {
  const sender = await client.send(place, workload);
  return async () => {
    const report = await publishAll(sender, workload);
    await sender.close();
    return report;
  };
}

async function startReceiver(client: LoadClient, { place, workload }: LoadTask): Promise<Started> {
  const latencies = new Latencies();
  let firstMs = 0;
  const { done } = await client.receive(place, workload, (text) => {
    const nowMs = wallMs();
    firstMs ||= nowMs;
    latencies.add(nowMs - dueMsOf(text));
  });
  return async () => {
    await done;
    return { firstMs, lastMs: wallMs(), latency: latencies.report() };
  };
}

const task = JSON.parse(Deno.args[0]!) as LoadTask;
const client = await CLIENTS[task.client]();
const started = await (task.role === "send" ? startSender : startReceiver)(client, task);
console.log(JSON.stringify("ready"));
const input = Deno.stdin.readable.getReader();
await input.read();
console.log(JSON.stringify(await started()));
await input.read();
