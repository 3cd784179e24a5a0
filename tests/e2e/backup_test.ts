/**
 * `ciphermq backup` with real processes: a copy of a broker at work that another run starts from,
 * and all that may go wrong without leaving a file.
 *
 * @module
 */
import assert from "node:assert/strict";
import { makeCertificate, makeTestAuthority } from "../support/certificates.ts";
import { declareQueues, drain, publishBatch } from "../support/commands.ts";
import { LoadConsumer, LoadPublisher } from "../support/load.ts";
import type { RawClient } from "../support/raw_client.ts";
import { sizeOf, until } from "../support/waiting.ts";
import { Workspace } from "../support/workspace.ts";

const FILE = "backup.db";
/** Messages that wait, so that a backup takes a while. */
const BIG = { count: 100, bytes: 200_000 } as const;

function makeWorkspace(): Promise<Workspace> {
  return Workspace.make({
    clients: ["sender_1", "receiver_1", "receiver_2", "admin"],
    configuration: '[acl]\nadmins = ["admin"]\n',
  });
}

/** Fills the queue of receiver_2 and gives the ids, in order. */
async function fill(client: RawClient): Promise<string[]> {
  await declareQueues(client, "receiver_1", "receiver_2");
  const ids = Array.from({ length: BIG.count }, (_, n) => `big-${n}`);
  for (let at = 0; at < ids.length; at += 20) {
    const batch = ids.slice(at, at + 20);
    await client.write(publishBatch(batch, { receiver: "receiver_2", bytes: BIG.bytes }));
    assert.deepEqual(await client.lines(20), batch.map((id) => `ACK ${id}`));
  }
  return ids;
}

/** What is there of backups, finished or not. */
function backups(workspace: Workspace): string[] {
  return [...Deno.readDirSync(workspace.folder)].map(({ name }) => name)
    .filter((name) => name.startsWith(FILE));
}

/** Waits until some of a backup has been written, and not all. */
async function begun(workspace: Workspace): Promise<void> {
  await until("a backup begins", () => {
    const [name] = backups(workspace);
    return name !== undefined && sizeOf(workspace.path(name)) > 0;
  });
  assert.match(backups(workspace).join(), /\.part$/);
}

Deno.test("a backup of a broker at work starts another with all that was ACKed and not acknowledged before, and nothing of what was", async () => {
  await using workspace = await makeWorkspace();
  const broker = await workspace.serve();
  const big = await fill(await workspace.connect("sender_1"));
  const publisher = new LoadPublisher(() => workspace.connect("sender_1"), "receiver_1");
  const consumer = new LoadConsumer(() => workspace.connect("receiver_1"), "receiver_1");
  await until("messages flow", () => consumer.confirmed.size > 200);
  const ackedBefore = [...publisher.acked];
  const confirmedBefore = [...consumer.confirmed];
  const backup = workspace.run(["backup", FILE]);
  await broker.event("backup begun");
  const ackedAtBegin = publisher.acked.size;
  await backup.success();
  await broker.event("backup ended");
  assert(publisher.acked.size > ackedAtBegin, "publishes go on meanwhile");
  assert.deepEqual(backups(workspace), [FILE]);
  assert.equal((Deno.statSync(workspace.path(FILE)).mode ?? 0) & 0o777, 0o600);
  assert.equal(backup.stdout.text, "");
  assert.match(backup.stderr.text, /^backed up \d+ bytes to backup\.db\nto restore it:\n/);
  publisher.stop();
  await publisher.done;
  consumer.finish(publisher.acked.size);
  await consumer.done;
  // As the program says: away with the database and what belongs to it, the copy in its place.
  await broker.kill();
  Deno.removeSync(workspace.path("broker.db"));
  Deno.removeSync(workspace.path("broker.db-wal"));
  Deno.renameSync(workspace.path(FILE), workspace.path("broker.db"));
  await workspace.serve();
  const again = await delivered(await workspace.connect("receiver_1"));
  assert.equal(new Set(again).size, again.length, "each once");
  const of = new Set(again);
  assert.deepEqual(confirmedBefore.filter((id) => of.has(id)), []);
  const missing = ackedBefore.filter((id) => !of.has(id) && !consumer.delivered.has(id));
  assert.deepEqual(missing, []);
  assert.deepEqual(again.filter((id) => !publisher.acked.has(id)), []);
  assert.deepEqual(await drain(await workspace.connect("receiver_2"), "receiver_2"), big);
});

/** All that waits in the queue of receiver_1, acknowledged. */
async function delivered(client: RawClient): Promise<string[]> {
  const ids: string[] = [];
  while (true) {
    const line = await client.ask("fetch receiver_1");
    const id = /^Message: (\S+) /.exec(line ?? "")?.[1];
    if (id === undefined) {
      assert.equal(line, "No messages");
      return ids;
    }
    ids.push(id);
    assert.equal(await client.ask(`ack ${id}`), `ACK_CONFIRMED ${id}`);
  }
}

Deno.test("a broker that is killed during a backup, or a person's Ctrl-C, leaves an error and no file", async () => {
  await using workspace = await makeWorkspace();
  const broker = await workspace.serve();
  await fill(await workspace.connect("sender_1"));
  const interrupted = workspace.run(["backup", FILE]);
  await begun(workspace);
  broker.signal("SIGSTOP");
  interrupted.signal("SIGINT");
  assert.equal((await interrupted.end()).code, 1);
  assert.equal(
    interrupted.stderr.text,
    "error: the backup was interrupted\nhint: no file was made\n",
  );
  assert.deepEqual(backups(workspace), []);
  broker.signal("SIGCONT");
  // Its connection is gone, so another may begin.
  await broker.event("backup ended");
  const cut = workspace.run(["backup", FILE, "--json"]);
  await begun(workspace);
  await broker.kill();
  assert.equal((await cut.end()).code, 1);
  assert.equal(cut.stdout.text, "");
  assert.match(
    cut.stderr.text,
    /^error: the connection to the broker was lost: .*\nhint: no file was made; try again when/,
  );
  assert.deepEqual(backups(workspace), []);
});

Deno.test("who is no admin of this broker gets nothing, and the refusal is logged", async () => {
  await using workspace = await makeWorkspace();
  const broker = await workspace.serve();
  const stranger = workspace.run(["backup", FILE, "--as", "sender_1"]);
  assert.equal((await stranger.end()).code, 3);
  assert.match(
    stranger.stderr.text,
    /^error: the broker refused backup: 'sender_1' may not back up .*\nhint: add "sender_1" to \[acl\]/,
  );
  assert.equal((await broker.event("backup refused: not an admin")).identity, "sender_1");
  // The same name, from another authority: the admin of another broker.
  const other = await makeTestAuthority("other");
  workspace.addCertificate("admin", await makeCertificate(other, { subject: "admin" }));
  const foreign = workspace.run(["backup", FILE]);
  assert.equal((await foreign.end()).code, 3);
  assert.deepEqual(backups(workspace), []);
  const raw = await workspace.connect("receiver_1");
  for (const command of ["backup", "backup_read 0", "backup_end"]) {
    assert.match((await raw.ask(command))!, /^Error: 'receiver_1' may not back up the broker/);
  }
});

Deno.test("a second backup at once, a file that is there and one that cannot be written are errors that say so", async () => {
  await using workspace = await makeWorkspace();
  await workspace.serve();
  await fill(await workspace.connect("sender_1"));
  const refuses = async (args: readonly string[], text: RegExp, through: string[] = []) => {
    const run = workspace.run(["backup", ...args], { through });
    assert.equal((await run.end()).code, 1);
    assert.match(run.stderr.text, text);
    assert.deepEqual(backups(workspace), []);
  };
  const first = await workspace.connect("admin");
  assert.match((await first.ask("backup"))!, /^Backup: \d{8}$/);
  await refuses([FILE], /limit of one backup at a time is reached; try again/);
  assert.equal(await first.ask("backup_end"), "Backup ended");
  await refuses([`missing/${FILE}`], /^error: cannot back up to .*missing.*\nhint: check that the/);
  const smallDisk = ["sh", "-c", "trap '' XFSZ; ulimit -f 8000; exec \"$@\"", "sh"];
  await refuses([FILE], /^error: cannot back up to .*backup\.db: .*\nhint: .* has room/, smallDisk);
  Deno.writeTextFileSync(workspace.path(FILE), "mine");
  const present = workspace.run(["backup", FILE]);
  assert.equal((await present.end()).code, 1);
  assert.match(present.stderr.text, /the file is there already\nhint: .*--force/);
  assert.equal(Deno.readTextFileSync(workspace.path(FILE)), "mine");
  const forced = workspace.run(["backup", FILE, "--force", "--json"]);
  await forced.success();
  const bytes = sizeOf(workspace.path(FILE));
  assert(bytes > BIG.count * BIG.bytes);
  assert.deepEqual(JSON.parse(forced.stdout.text), { file: FILE, bytes });
  assert.deepEqual(backups(workspace), [FILE]);
});
