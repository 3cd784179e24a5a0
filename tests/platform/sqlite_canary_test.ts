/**
 * What the store relies on in the platform's SQLite.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const FULL = 2;
/** Before it, a bug of the write-ahead log could lose commits. */
const OLDEST = [3, 51, 3];

Deno.test("SQLite is new enough not to lose commits of the write-ahead log", () => {
  const db = new DatabaseSync(":memory:");
  const row = db.prepare("SELECT sqlite_version() AS version").get() as { version: string };
  db.close();
  const version = row.version.split(".").map(Number);
  const place = version.findIndex((part, index) => part !== OLDEST[index]);
  assert.ok(place === -1 || version[place]! > OLDEST[place]!, row.version);
});

Deno.test("the write-ahead log and full synchronisation can be set, and told that they are", () => {
  const dir = Deno.makeTempDirSync();
  const db = new DatabaseSync(join(dir, "canary.db"));
  const mode = db.prepare("PRAGMA journal_mode = WAL").get() as { journal_mode: string };
  db.exec("PRAGMA synchronous = FULL");
  const { synchronous } = db.prepare("PRAGMA synchronous").get() as { synchronous: number };
  db.close();
  Deno.removeSync(dir, { recursive: true });
  assert.equal(mode.journal_mode, "wal");
  assert.equal(synchronous, FULL);
});
