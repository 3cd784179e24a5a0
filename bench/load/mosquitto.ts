/**
 * Mosquitto's clients under load, with MQTT.js: a session that outlives its connection, quality of
 * service 1 or 2. The library acknowledges each message once its handler has returned.
 *
 * @module
 */
import { connectAsync, type MqttClient } from "mqtt";
import { certificateOf, type LoadClient, RECEIVER, SENDER } from "./client.ts";
import { unwrapping, wrapping } from "./payload.ts";
import type { Place, Workload } from "./task.ts";

/**
 * With quality of service 2 Mosquitto has one message more under way than was asked for, which the
 * library does not forgive: there nothing is asked for.
 */
function flowOf({ qos, prefetch }: Workload): { receiveMaximum?: number } {
  return qos === 2 ? {} : { receiveMaximum: prefetch };
}

function open(place: Place, name: string, workload: Workload): Promise<MqttClient> {
  return connectAsync({
    protocol: "mqtts",
    host: "127.0.0.1",
    port: place.port,
    ...certificateOf(place, name),
    clientId: name,
    protocolVersion: 5,
    clean: false,
    reconnectPeriod: 0,
    properties: { sessionExpiryInterval: 3_600, ...flowOf(workload) },
  });
}

/** A publisher and a subscriber of one topic. */
export const mosquitto: LoadClient = {
  async send(place, workload) {
    const { qos = 1 } = workload;
    const client = await open(place, SENDER, workload);
    const wrap = wrapping(place, workload);
    return {
      publish: (text, accepted) => client.publish(RECEIVER, wrap(text), { qos }, accepted),
      close: () => client.endAsync(),
    };
  },

  async receive(place, workload, take) {
    const { qos = 1, messages } = workload;
    const client = await open(place, RECEIVER, workload);
    const unwrap = unwrapping(place, workload);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    client.on("error", reject);
    client.on("disconnect", ({ reasonCode }) => {
      reject(new Error(`the broker ended the connection with reason ${reasonCode}`));
    });
    let left = messages;
    client.on("close", () => left > 0 && reject(new Error("the connection was lost")));
    client.on("message", (_topic, payload) => {
      take(unwrap(payload));
      // Acks have no answer, but an orderly end has the last of them written.
      if (--left === 0) setImmediate(() => client.endAsync().then(resolve));
    });
    await client.subscribeAsync(RECEIVER, { qos });
    return { done: promise };
  },
};
