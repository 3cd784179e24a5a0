/**
 * Who can open the database, with which key, and what tampering shows.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { DatabaseSync } from "node:sqlite";
import type { CipherMqError } from "../../lib/base/errors.ts";
import type { OpenDatabase } from "../../lib/store/database.ts";
import { LocalDatabase } from "../../lib/store/local_database.ts";
import { WorkerDatabase } from "../../lib/store/worker_database.ts";
import { enqueued } from "../contracts/store_model.ts";
import { AES_KEY, DatabaseFolder, failure } from "./database_folder.ts";

const LANE = { queue: "q", receiver: "r" };

const KEY_A = Uint8Array.from({ length: 32 }, (_, i) => 0xa0 ^ (i * 7));
const KEY_B = Uint8Array.from({ length: 32 }, (_, i) => 0x5b ^ (i * 11));

async function registerTwo(box: DatabaseFolder): Promise<void> {
  const store = await box.open();
  await store.load();
  await store.commit([
    { kind: "key_registered", client: "alice", key: KEY_A },
    { kind: "key_registered", client: "bob", key: KEY_B },
  ], 1);
  await store.close();
}

/** Changes the closed file behind the broker's back; it must stay a broker's database. */
function tamper(box: DatabaseFolder, sql: string): void {
  const db = new DatabaseSync(box.path);
  db.exec(sql);
  db.close();
}

/** Where a database can be. */
const THREADS: [where: string, openDatabase: OpenDatabase][] = [
  ["this thread", LocalDatabase.open],
  ["another thread", WorkerDatabase.open],
];

for (const [where, openDatabase] of THREADS) {
  const opened = (box: DatabaseFolder) => box.open(0, AES_KEY, openDatabase);
  Deno.test(`a second store on the same file is refused on ${where}, before and after it holds something`, async () => {
    using box = new DatabaseFolder();
    const store = await opened(box);
    await assert.rejects(opened(box), failure("storage", /broker\.db: database is locked/));
    await store.load();
    await store.commit([{ kind: "queue_declared", queue: "q", options: {} }], 1);
    await assert.rejects(opened(box), failure("storage", /database is locked/));
    await store.close();
    await (await opened(box)).close();
  });

  Deno.test(`another process is kept out of an open database on ${where}, also after a refused second store`, async () => {
    using box = new DatabaseFolder();
    const store = await opened(box);
    await assert.rejects(opened(box), failure("storage", /database is locked/));
    assert.equal(await box.tryFromElsewhere(), "database is locked");
    await store.close();
  });
}

Deno.test("a file that another program has locked is refused with what to do", async () => {
  using box = new DatabaseFolder();
  await (await box.open()).close();
  const other = new DatabaseSync(box.path);
  other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE");
  await assert.rejects(box.open(), (error: CipherMqError) => {
    assert.match(error.hint ?? "", /another broker/);
    return failure("storage", /broker\.db: database is locked/)(error);
  });
  other.close();
});

Deno.test("another aes_key is refused, also when no key was ever registered", async () => {
  using box = new DatabaseFolder();
  await (await box.open()).close();
  const wrong = new Uint8Array(32).fill(8);
  const refused = failure("configuration", /broker\.db: it was made with another aes_key/);
  await assert.rejects(box.open(0, wrong), refused);
  await registerTwo(box);
  await assert.rejects(box.open(0, wrong), refused);
  const store = await box.open();
  assert.equal((await store.load()).keys.length, 2);
  await store.close();
});

Deno.test("a registered key is nowhere in the files in the clear", async () => {
  using box = new DatabaseFolder();
  const store = await box.open();
  await store.load();
  await store.commit([{ kind: "key_registered", client: "alice", key: KEY_A }], 1);
  const files = ["", "-wal"].map((suffix) => Buffer.from(Deno.readFileSync(box.path + suffix)));
  await store.close();
  files.push(Buffer.from(Deno.readFileSync(box.path)));
  assert.ok(files.some((bytes) => bytes.includes("alice")), "the client id shows where to look");
  for (const bytes of files) {
    assert.equal(bytes.includes(Buffer.from(KEY_A)), false);
    assert.equal(bytes.includes(Buffer.from(KEY_A).toString("base64")), false);
    assert.equal(bytes.includes(Buffer.from(KEY_A).toString("hex")), false);
  }
});

const edits: [what: string, sql: string, client: string][] = [
  [
    "swapped rows",
    `UPDATE public_keys SET client_id = 'x' WHERE client_id = 'alice';
     UPDATE public_keys SET client_id = 'alice' WHERE client_id = 'bob';`,
    "alice",
  ],
  [
    "an edited key",
    "UPDATE public_keys SET public_key_ciphertext = zeroblob(32) WHERE client_id = 'bob'",
    "bob",
  ],
  ["an edited tag", "UPDATE public_keys SET tag = zeroblob(16) WHERE client_id = 'bob'", "bob"],
  [
    "a shorter tag",
    "UPDATE public_keys SET tag = substr(tag, 1, 4) WHERE client_id = 'bob'",
    "bob",
  ],
  ["an edited nonce", "UPDATE public_keys SET nonce = zeroblob(12) WHERE client_id = 'bob'", "bob"],
  [
    "the check value in a key's place",
    `UPDATE public_keys SET (public_key_ciphertext, nonce, tag) =
       (SELECT ciphertext, nonce, tag FROM key_check) WHERE client_id = 'bob'`,
    "bob",
  ],
];
for (const [what, sql, client] of edits) {
  Deno.test(`a store that loads notices ${what} in the registry`, async () => {
    using box = new DatabaseFolder();
    await registerTwo(box);
    tamper(box, sql);
    const store = await box.open();
    await assert.rejects(store.load(), failure("cryptographic", new RegExp(`'${client}'`)));
    await assert.rejects(store.commit([], 1), failure("cryptographic", /./));
    await store.close();
  });
}

Deno.test("a small database with a damaged page is refused at start", async () => {
  using box = new DatabaseFolder();
  const store = await box.open();
  await store.load();
  const messages = Array.from({ length: 40 }, (_, seq) => enqueued(LANE, seq, 20_000));
  await store.commit(messages, 1);
  await store.close();
  const bytes = Deno.readFileSync(box.path);
  // A page number that is out of range at the head of every page but the first few.
  for (let at = 16384 * 12; at < bytes.length; at += 16384) bytes.fill(0xff, at, at + 4);
  Deno.writeFileSync(box.path, bytes);
  await assert.rejects(box.open(), failure("storage", /broker\.db: it is damaged/));
});

Deno.test("a damaged database with a log is refused at start, and both stay as they are", async () => {
  using box = new DatabaseFolder();
  const store = await box.open();
  await store.load();
  await store.commit(Array.from({ length: 40 }, (_, seq) => enqueued(LANE, seq, 20_000)), 1);
  await store.close();
  const again = await box.open();
  await again.load();
  await again.commit([enqueued(LANE, 40, 20_000)], 2);
  // As a kill leaves them.
  const [file, log] = ["", "-wal"].map((suffix) => Deno.readFileSync(box.path + suffix));
  await again.close();
  const damaged = file!.slice();
  for (let at = 16384 * 12; at < damaged.length; at += 16384) damaged.fill(0xff, at, at + 4);
  Deno.writeFileSync(box.path, damaged);
  Deno.writeFileSync(`${box.path}-wal`, log!);
  await assert.rejects(
    box.open(),
    (error: CipherMqError) => /it is damaged/.test(error.message) && /-wal/.test(error.hint!),
  );
  assert.deepEqual(Deno.readFileSync(box.path), damaged);
  assert.deepEqual(Deno.readFileSync(`${box.path}-wal`), log);
  // With the file that the log belongs to, everything is there.
  Deno.writeFileSync(box.path, file!);
  const whole = await box.open();
  const messages = await Array.fromAsync((await whole.load(), whole.messages()));
  assert.equal(messages.flat().length, 41);
  await whole.close();
});
