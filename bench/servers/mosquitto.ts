/**
 * Mosquitto with persistence.
 *
 * @module
 */
import type { Workspace } from "../../tests/support/workspace.ts";
import { Daemon, freePort, missingProgram } from "./daemon.ts";
import type { RunningServer, Server } from "./server.ts";

const PROGRAM = "/usr/sbin/mosquitto";

/** By default it drops what goes beyond 1,000 waiting messages, which would be fast. */
function configuration(workspace: Workspace, folder: string, port: number): string {
  return `
user root
log_dest stderr
log_type error
listener ${port} 127.0.0.1
cafile ${workspace.path("certs/ca.crt")}
certfile ${workspace.path("certs/server.crt")}
keyfile ${workspace.path("certs/server.key")}
require_certificate true
use_identity_as_username true
persistence true
persistence_location ${folder}/
max_inflight_messages 0
max_queued_messages 0
set_tcp_nodelay true
`;
}

async function start(workspace: Workspace): Promise<RunningServer> {
  const folder = Deno.makeTempDirSync({ dir: workspace.folder, prefix: "mosquitto-" });
  const port = freePort();
  Deno.writeTextFileSync(`${folder}/mosquitto.conf`, configuration(workspace, folder, port));
  const daemon = new Daemon(PROGRAM, ["-c", `${folder}/mosquitto.conf`]);
  await daemon.listening(port);
  return { pid: daemon.pid, port, stop: () => daemon.stop() };
}

function mosquitto(qos: 1 | 2): Server {
  return {
    name: `Mosquitto, QoS ${qos}`,
    client: "mosquitto",
    qos,
    lacks: "a confirmed message is in memory only (saved every half hour and at the end); " +
      "no end-to-end encryption",
    missing: () => missingProgram(PROGRAM),
    start,
  };
}

/** At least once. */
export const MOSQUITTO_1: Server = mosquitto(1);
/** Exactly once between each two hops. */
export const MOSQUITTO_2: Server = mosquitto(2);
