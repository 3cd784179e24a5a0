/**
 * Who may back up, one at a time, and what ends a backup.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  type BackupClient,
  type BackupRights,
  Backups,
  type BackupSource,
} from "../../lib/server/backups.ts";
import type { BackupOrder } from "../../lib/wire/command.ts";
import { configureLogging, disposeLogging } from "../../cli/logging.ts";
import { Terminal } from "../../cli/terminal.ts";

const TIMEOUT_MS = 5_000;
const BEGIN = { kind: "backup" } as const;
const END = { kind: "backup_end" } as const;
const ADMIN = { connection: 1, identity: "admin" };
const OTHER = { connection: 2, identity: "admin" };

function readAt(offset: number): BackupOrder {
  return { kind: "backup_read", offset };
}

/** Backups of ten bytes, at a time that the test sets. */
class Desk implements BackupSource {
  readonly calls: string[] = [];
  readonly backups: Backups;
  monoMs = 0;
  failure: Error | undefined;
  begun: Promise<void> = Promise.resolve();

  constructor(admins: readonly string[] | "no rights" = ["operator", "admin"]) {
    const rights: BackupRights | undefined = admins === "no rights"
      ? undefined
      : { source: this, admins };
    this.backups = new Backups({
      rights,
      limits: { backupTimeoutMs: TIMEOUT_MS },
      clock: { now: () => ({ wallMs: 0, monoMs: this.monoMs }) },
    });
  }

  async beginBackup(): Promise<number> {
    this.calls.push("begin");
    await this.begun;
    if (this.failure !== undefined) throw this.failure;
    return 10;
  }

  readBackup(offset: number): Promise<Uint8Array> {
    this.calls.push(`read ${offset}`);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return Promise.resolve(new Uint8Array(10 - offset));
  }

  endBackup(): Promise<void> {
    this.calls.push("end");
    return Promise.resolve();
  }

  /** What the broker says, as a text. */
  async ask(order: BackupOrder, client: BackupClient = ADMIN): Promise<string> {
    const reply = await this.backups.carryOut(order, client);
    if (reply.kind === "failed") return reply.text;
    if (reply.kind === "backup_piece") return `${reply.data.length} bytes`;
    return reply.kind === "backup" ? `backup of ${reply.bytes}` : reply.kind;
  }
}

Deno.test("an admin gets the copy's bytes from where it asks, until it ends it", async () => {
  const desk = new Desk();
  assert.equal(await desk.ask(BEGIN), "backup of 10");
  assert.equal(await desk.ask(readAt(0)), "10 bytes");
  assert.equal(await desk.ask(readAt(9)), "1 bytes");
  assert.equal(await desk.ask(readAt(10)), "Error: the backup has 10 bytes only");
  assert.equal(await desk.ask(END), "backup_ended");
  assert.equal(await desk.ask(END), "backup_ended");
  assert.equal(await desk.ask(readAt(0)), "Error: the backup has ended: its client ended it");
  assert.deepEqual(desk.calls, ["begin", "read 0", "read 9", "end"]);
});

Deno.test("at each order it is looked at who gives it, and nobody but an admin gets anything", async () => {
  for (const admins of [["operator"], [], "no rights"] as const) {
    const desk = new Desk(admins);
    for (const identity of ["sender_1", "Operator", "admin"]) {
      for (const order of [BEGIN, readAt(0), END]) {
        assert.equal(
          await desk.ask(order, { connection: 1, identity }),
          `Error: '${identity}' may not back up the broker: it is not one of its admins`,
        );
      }
    }
    assert.deepEqual(desk.calls, []);
  }
  // Not even of a backup that was begun by the very same connection.
  const desk = new Desk();
  await desk.ask(BEGIN);
  assert.match(await desk.ask(readAt(0), { connection: 1, identity: "sender_1" }), /may not/);
  assert.equal(await desk.ask(readAt(0)), "10 bytes");
});

Deno.test("refusals are logged, once for a connection", async () => {
  class Lines extends Terminal {
    readonly lines: string[] = [];
    override log(line: string): void {
      this.lines.push(line);
    }
  }
  const terminal = new Lines();
  await configureLogging(terminal, "info");
  try {
    const desk = new Desk();
    for (const connection of [7, 7, 7, 8]) await desk.ask(BEGIN, { connection, identity: "bob" });
    desk.backups.left(7);
    await desk.ask(BEGIN, { connection: 7, identity: "bob" });
  } finally {
    await disposeLogging();
  }
  const events = terminal.lines.map((line) => JSON.parse(line));
  assert.deepEqual(events.map((event) => [event.message, event.identity, event.connection]), [
    ["backup refused: not an admin", "bob", 7],
    ["backup refused: not an admin", "bob", 8],
    ["backup refused: not an admin", "bob", 7],
  ]);
});

Deno.test("there is one backup at a time, and it belongs to the connection that began it", async () => {
  const desk = new Desk();
  assert.equal(
    await desk.ask(readAt(0)),
    "Error: this connection has begun no backup; begin one with backup",
  );
  const [first, second] = await Promise.all([desk.ask(BEGIN), desk.ask(BEGIN, OTHER)]);
  assert.equal(first, "backup of 10");
  assert.match(second, /^Error: the limit of one backup at a time is reached/);
  assert.match(await desk.ask(BEGIN), /^Error: the limit/);
  assert.match(await desk.ask(readAt(0), OTHER), /has begun no backup/);
  // Neither of these is the other's to end.
  assert.equal(await desk.ask(END, OTHER), "backup_ended");
  desk.backups.left(OTHER.connection);
  assert.equal(await desk.ask(readAt(0)), "10 bytes");
  desk.backups.left(ADMIN.connection);
  assert.equal(await desk.ask(BEGIN, OTHER), "backup of 10");
  assert.deepEqual(desk.calls, ["begin", "read 0", "end", "begin"]);
});

Deno.test("a backup of which nothing is read for too long ends, and reading keeps it", async () => {
  const desk = new Desk();
  await desk.ask(BEGIN);
  for (let round = 0; round < 3; round++) {
    desk.monoMs += TIMEOUT_MS;
    desk.backups.sweep(desk.monoMs);
    assert.equal(await desk.ask(readAt(0)), "10 bytes");
  }
  desk.monoMs += TIMEOUT_MS + 1;
  desk.backups.sweep(desk.monoMs);
  assert.equal(
    await desk.ask(readAt(0)),
    "Error: the backup has ended: nothing of it was read for 5 s",
  );
  assert.equal(desk.calls.at(-1), "end");
  assert.equal(await desk.ask(BEGIN, OTHER), "backup of 10");
});

Deno.test("a disk that becomes nearly full ends a backup, and none begins until it has room", async () => {
  const desk = new Desk();
  await desk.ask(BEGIN);
  desk.backups.disk(true);
  assert.equal(await desk.ask(readAt(0)), "Error: the backup has ended: the disk is nearly full");
  assert.equal(await desk.ask(BEGIN), "Error: no backup can begin: the disk is nearly full");
  assert.deepEqual(desk.calls, ["begin", "end"]);
  desk.backups.disk(false);
  assert.equal(await desk.ask(BEGIN), "backup of 10");
});

Deno.test("a backup whose connection ends while it begins has ended", async () => {
  const desk = new Desk();
  const begun = Promise.withResolvers<void>();
  desk.begun = begun.promise;
  const asked = desk.ask(BEGIN);
  desk.backups.left(ADMIN.connection);
  begun.resolve();
  assert.equal(await asked, "Error: the backup has ended: its connection ended");
  assert.deepEqual(desk.calls, ["begin", "end"]);
});

Deno.test("a failure says nothing of its reason to the client, and leaves room for another backup", async () => {
  const desk = new Desk();
  const text = "Error: the database could not be read; the broker's log says why";
  desk.failure = new Error("EIO: /secret/path");
  assert.equal(await desk.ask(BEGIN), text);
  desk.failure = undefined;
  await desk.ask(BEGIN);
  desk.failure = new Error("EIO: /secret/path");
  assert.equal(await desk.ask(readAt(0)), text);
  desk.failure = undefined;
  assert.equal(await desk.ask(BEGIN), "backup of 10");
  assert.deepEqual(desk.calls, ["begin", "end", "begin", "read 0", "end", "begin"]);
});
