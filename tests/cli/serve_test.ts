/**
 * `ciphermq serve`: what keeps it from starting, what it says, and how it ends.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { getConfig } from "@logtape/logtape";
import { consume, declareQueues, messageId, publish } from "../support/commands.ts";
import { PATIENCE_MS, type Program } from "../support/processes.ts";
import { runCli } from "../support/run_cli.ts";
import { Workspace } from "../support/workspace.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Changes `config.toml`, and keeps its mode. */
function edit(workspace: Workspace, from: string | RegExp, to: string): void {
  const file = workspace.path("config.toml");
  const before = Deno.readTextFileSync(file);
  assert.notEqual(before.replace(from, to), before);
  Deno.writeTextFileSync(file, before.replace(from, to));
}

/** The events of a log, without their times. */
function events(log: string): Record<string, unknown>[] {
  return log.split("\n").filter((line) => line.startsWith("{")).map((line) => {
    const { "@timestamp": _time, ...event } = JSON.parse(line);
    return event;
  });
}

function atLevel(log: string, level: string): unknown[] {
  return events(log).filter((event) => event["level"] === level).map((event) => event["message"]);
}

/** Runs `serve` in this process and asks it to stop at once. */
async function serveAndStop(workspace: Workspace, ...options: string[]) {
  const running = runCli("serve", "--config", workspace.path("config.toml"), ...options);
  process.emit("SIGTERM", "SIGTERM");
  return await running;
}

Deno.test("a configuration that cannot be used is a usage error that names file and key", async () => {
  await using workspace = await Workspace.make();
  const config = workspace.path("config.toml");
  const good = Deno.readTextFileSync(config);
  const cases: readonly (readonly [from: string | RegExp, to: string, problem: string])[] = [
    ["[database]", "[database]\npath = 'x'", 'unknown key "database.path"'],
    [/dbname = .*/, "", "database.dbname is missing: expected the path of the database"],
    [/address = .*/, "address = 5672", "server.address is wrong: expected host:port"],
    [/aes_key = .*/, "", "encryption.aes_key is missing"],
  ];
  for (const [from, to, problem] of cases) {
    Deno.writeTextFileSync(config, good.replace(from, to));
    const { code, stdout, stderr } = await runCli("serve", "-c", config);
    assert.deepEqual([code, stdout], [2, ""]);
    assert(stderr.startsWith(`error: cannot use ${config}: ${problem}`), stderr);
    assert.equal(events(stderr).length, 0);
  }
  assert.deepEqual([...Deno.readDirSync(workspace.folder)].map(({ name }) => name).toSorted(), [
    "certs",
    "config.toml",
  ]);
});

Deno.test("a signal that comes while it starts ends it, in order", async () => {
  await using workspace = await Workspace.make();
  const listeners = SIGNALS.map((signal) => process.listenerCount(signal));
  const { code, stdout, stderr } = await serveAndStop(workspace);
  assert.deepEqual([code, stdout], [0, ""]);
  assert.deepEqual(events(stderr).map(({ message }) => message), [
    "opening the database",
    "recovered",
    "listening",
    "stopped",
  ]);
  assert.deepEqual(SIGNALS.map((signal) => process.listenerCount(signal)), listeners);
  assert.equal(getConfig(), null, "nothing is logged any more");
});

Deno.test("--quiet logs errors only, --verbose everything, before and after the subcommand", async () => {
  await using workspace = await Workspace.make();
  edit(workspace, /$/, '\n[log]\nlevel = "warning"\n');
  assert.equal((await serveAndStop(workspace)).stderr, "");
  assert.match((await serveAndStop(workspace, "--verbose")).stderr, /"listening"/);
  Deno.chmodSync(workspace.path("config.toml"), 0o644);
  assert.match((await serveAndStop(workspace)).stderr, /"WARN"/);
  assert.equal((await serveAndStop(workspace, "-q")).stderr, "");
  const before = runCli("--quiet", "serve", "--config", workspace.path("config.toml"));
  process.emit("SIGTERM", "SIGTERM");
  assert.deepEqual(await before, { code: 0, stdout: "", stderr: "" });
});

Deno.test({
  name: "a configuration that others can read is warned of once if it holds the AES key itself",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using workspace = await Workspace.make();
    const config = workspace.path("config.toml");
    assert.deepEqual(atLevel((await serveAndStop(workspace)).stderr, "WARN"), []);
    for (const mode of [0o644, 0o640]) {
      Deno.chmodSync(config, mode);
      const { code, stderr } = await serveAndStop(workspace);
      assert.equal(code, 0);
      const warnings = events(stderr).filter(({ level }) => level === "WARN");
      assert.deepEqual(warnings, [{
        level: "WARN",
        logger: "ciphermq.server",
        message: `the aes_key in "${config}" can be read by others than its owner`,
        file: config,
        hint: `chmod 600 ${config}`,
      }]);
    }
    const key = /aes_key = "(.*)"/.exec(Deno.readTextFileSync(config))![1]!;
    Deno.writeTextFileSync(workspace.path("aes.key"), key, { mode: 0o600 });
    edit(workspace, /aes_key = .*/, 'aes_key_file = "aes.key"');
    assert.deepEqual(atLevel((await serveAndStop(workspace)).stderr, "WARN"), []);
  },
});

Deno.test("a second request to stop ends a broker at once that waits for its clients", async () => {
  await using workspace = await Workspace.make();
  const broker = await workspace.serve();
  // It takes two seconds to give this client up.
  const neverReading = await workspace.connect("sender_1");
  const flooding = neverReading.write("stats\n".repeat(1_000_000)).catch(() => {});
  const client = await workspace.connect("receiver_1");
  await declareQueues(client, "receiver_1");
  broker.signal("SIGTERM");
  assert.equal(await client.line(), undefined);
  broker.signal("SIGINT");
  const status = await broker.end();
  await flooding;
  assert.deepEqual([status.code, status.signal], [1, null], broker.stderr.text);
  await broker.event("asked to stop again: the broker ends at once");
  // Nothing that was committed depends on an orderly end.
  const again = await workspace.serve();
  const back = await workspace.connect("receiver_1");
  assert.match(await back.ask("stats") ?? "", /\["receiver_1",0\]/);
  again.signal("SIGTERM");
  await again.success();
});

/** Lets a process write no more to any file: the next write fails with an error. */
async function failWrites(broker: Program): Promise<void> {
  const { pid } = broker;
  const { success } = await new Deno.Command("prlimit", {
    args: ["--pid", String(pid), "--fsize=0"],
  }).output();
  assert(success);
}

async function hasPrlimit(): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  try {
    return (await new Deno.Command("prlimit", { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "a disk that fails while the broker stops is a failure too",
  ignore: !await hasPrlimit(),
  fn: async () => {
    await using workspace = await Workspace.make();
    const broker = await workspace.serve({
      through: ["sh", "-c", `trap '' XFSZ; exec "$@"`, "sh"],
    });
    const client = await workspace.connect("receiver_1");
    await declareQueues(client, "receiver_1");
    assert.equal(await client.ask(publish("m-1").trimEnd()), "ACK m-1");
    await consume(client);
    assert.equal(messageId(await client.line()), "m-1");
    await failWrites(broker);
    // Its lease goes back, on disk, when its connection has ended.
    broker.signal("SIGTERM");
    const status = await broker.end();
    assert.equal(status.code, 1, broker.stderr.text);
    assert.match(broker.stderr.text, /^error: cannot use the database .*broker\.db: /m);
    await broker.event("the broker stops");
  },
});

Deno.test("the broker goes on when nobody reads its log any more", async () => {
  await using workspace = await Workspace.make();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "-A",
      new URL("../../main.ts", import.meta.url).href,
      "serve",
    ],
    cwd: workspace.folder,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  const log = child.stderr.getReader();
  let said = "";
  while (!said.includes('"listening"')) {
    const { value, done } = await log.read();
    assert(!done, said);
    said += new TextDecoder().decode(value);
  }
  await log.cancel();
  for (let i = 0; i < 3; i++) {
    const client = await workspace.connect("sender_1");
    assert.equal(await client.ask("heartbeat"), "HEARTBEAT_OK");
    client.close();
  }
  child.kill("SIGTERM");
  const { code, signal } = await child.status;
  clearTimeout(late);
  assert.deepEqual([code, signal], [0, null]);
});

Deno.test({
  name: "SIGHUP does not end the broker: it says that it cannot reload",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using workspace = await Workspace.make();
    const broker = await workspace.serve();
    const opening = await broker.event("opening the database");
    assert.equal(opening["path"], workspace.path("broker.db"));
    broker.signal("SIGHUP");
    await broker.event("SIGHUP is ignored: the configuration cannot be read again yet");
    assert.match(await (await workspace.connect("sender_1")).ask("stats") ?? "", /^Stats: /);
    broker.signal("SIGTERM");
    await broker.success();
  },
});
