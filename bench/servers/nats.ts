/**
 * NATS with JetStream in files.
 *
 * @module
 */
import type { Workspace } from "../../tests/support/workspace.ts";
import { Daemon, freePort, missingProgram } from "./daemon.ts";
import type { RunningServer, Server } from "./server.ts";

const PROGRAM = "/usr/sbin/nats-server";
/** The first version that can be told when to sync. */
const SYNC_INTERVAL_SINCE = [2, 10] as const;

function configuration(workspace: Workspace, folder: string, port: number, sync: string): string {
  return `
listen: "127.0.0.1:${port}"
jetstream { store_dir: "${folder}/data"${sync} }
tls {
  ca_file: "${workspace.path("certs/ca.crt")}"
  cert_file: "${workspace.path("certs/server.crt")}"
  key_file: "${workspace.path("certs/server.key")}"
  verify: true
}
`;
}

async function start(workspace: Workspace, sync: string): Promise<RunningServer> {
  const folder = Deno.makeTempDirSync({ dir: workspace.folder, prefix: "nats-" });
  const port = freePort();
  Deno.writeTextFileSync(`${folder}/nats.conf`, configuration(workspace, folder, port, sync));
  const daemon = new Daemon(PROGRAM, ["-c", `${folder}/nats.conf`]);
  await daemon.listening(port);
  return { pid: daemon.pid, port, stop: () => daemon.stop() };
}

function tooOld(): string | undefined {
  const { stdout } = new Deno.Command(PROGRAM, { args: ["--version"] }).outputSync();
  const version = new TextDecoder().decode(stdout).trim();
  const [, major, minor] = /v(\d+)\.(\d+)/.exec(version) ?? [];
  const [sinceMajor, sinceMinor] = SYNC_INTERVAL_SINCE;
  const young = Number(major) > sinceMajor ||
    (Number(major) === sinceMajor && Number(minor) >= sinceMinor);
  return young
    ? undefined
    : `${version} has no sync_interval (from ${sinceMajor}.${sinceMinor} on)`;
}

/** As it comes: the files are synced now and then, messages are confirmed before. */
export const NATS: Server = {
  name: "NATS JetStream",
  client: "nats",
  lacks: "a confirmed message is not on disk yet (one fsync every two minutes); " +
    "no end-to-end encryption",
  missing: () => missingProgram(PROGRAM),
  start: (workspace) => start(workspace, ""),
};

/** Told to sync before it confirms. */
export const NATS_SYNCED: Server = {
  name: "NATS JetStream, sync_interval: always",
  client: "nats",
  lacks: "no end-to-end encryption",
  missing: () => missingProgram(PROGRAM) ?? tooOld(),
  start: (workspace) => start(workspace, ", sync_interval: always"),
};
