/**
 * RabbitMQ with its own node name, port mapper, cookie and files.
 *
 * @module
 */
import type { Workspace } from "../../tests/support/workspace.ts";
import { Daemon, freePort, missingProgram } from "./daemon.ts";
import type { RunningServer, Server } from "./server.ts";

/** Debian's `/usr/sbin/rabbitmq-server` changes to a user who may not read a temporary folder. */
const PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const PORT_MAPPER = "/usr/bin/epmd";

function configuration(workspace: Workspace, port: number): string {
  return `
listeners.tcp = none
listeners.ssl.1 = 127.0.0.1:${port}
ssl_options.cacertfile = ${workspace.path("certs/ca.crt")}
ssl_options.certfile = ${workspace.path("certs/server.crt")}
ssl_options.keyfile = ${workspace.path("certs/server.key")}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
log.console = true
log.console.level = error
`;
}

function environment(folder: string, mapperPort: number): Record<string, string> {
  return {
    HOME: folder,
    RABBITMQ_NODENAME: "bench@localhost",
    RABBITMQ_CONFIG_FILE: `${folder}/rabbitmq.conf`,
    RABBITMQ_CONF_ENV_FILE: `${folder}/no-environment`,
    RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/plugins`,
    RABBITMQ_MNESIA_BASE: `${folder}/data`,
    RABBITMQ_LOG_BASE: `${folder}/log`,
    RABBITMQ_LOGS: "-",
    RABBITMQ_PID_FILE: `${folder}/pid`,
    RABBITMQ_DIST_PORT: String(freePort()),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: String(mapperPort),
  };
}

async function start(workspace: Workspace): Promise<RunningServer> {
  const folder = Deno.makeTempDirSync({ dir: workspace.folder, prefix: "rabbitmq-" });
  const [port, mapperPort] = [freePort(), freePort()];
  Deno.writeTextFileSync(`${folder}/rabbitmq.conf`, configuration(workspace, port));
  Deno.writeTextFileSync(`${folder}/plugins`, "[].\n");
  // One that RabbitMQ starts by itself would stay when it ends.
  const mapper = new Daemon(PORT_MAPPER, ["-address", "127.0.0.1", "-port", String(mapperPort)]);
  await mapper.listening(mapperPort);
  const daemon = new Daemon(PROGRAM, [], environment(folder, mapperPort));
  const stop = async () => {
    await daemon.stop();
    await mapper.stop();
  };
  try {
    await daemon.listening(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: daemon.pid, port, stop };
}

/** A quorum queue on one node, each publish confirmed. */
export const RABBITMQ: Server = {
  name: "RabbitMQ, quorum queue",
  client: "rabbitmq",
  lacks: "no end-to-end encryption, no duplicate detection",
  missing: () => missingProgram(PROGRAM),
  start,
};
