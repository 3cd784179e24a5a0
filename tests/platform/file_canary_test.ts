/**
 * What the store, the spools and the key files rely on in the platform's files.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  closeSync,
  fsyncSync,
  openSync,
  promises,
  readSync,
  renameSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const LINUX = Deno.build.os === "linux";
const WINDOWS = Deno.build.os === "windows";

/** A folder for one test. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();

  file(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** How many locks this process has on a file (`proc_locks(5)`). */
function locksOn(path: string): number {
  const { ino } = statSync(path);
  const mine = new RegExp(`POSIX .* ${Deno.pid} [0-9a-f]+:[0-9a-f]+:${ino} `);
  return Deno.readTextFileSync("/proc/locks").split("\n").filter((line) => mine.test(line)).length;
}

function openExclusively(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; CREATE TABLE t(a);");
  return db;
}

Deno.test({
  name: "reading a database's file synchronously, and keeping it open, leaves SQLite its locks",
  ignore: !LINUX,
  fn: () => {
    using folder = new Folder();
    const path = folder.file("a.db");
    const db = openExclusively(path);
    const locks = locksOn(path);
    assert(locks > 0);
    const file = openSync(path, "r");
    readSync(file, new Uint8Array(100), 0, 100, 0);
    statSync(path);
    assert.equal(locksOn(path), locks);
    db.close();
    closeSync(file);
  },
});

Deno.test({
  name: "closing another handle of a database's file drops SQLite's locks: the store does not",
  ignore: !LINUX,
  fn: () => {
    using folder = new Folder();
    const path = folder.file("a.db");
    const db = openExclusively(path);
    closeSync(openSync(path, "r"));
    assert.equal(locksOn(path), 0);
    db.close();
  },
});

Deno.test({
  name: "reading a database's file asynchronously drops SQLite's locks: the store does not",
  ignore: !LINUX,
  fn: async () => {
    using folder = new Folder();
    const path = folder.file("a.db");
    const db = openExclusively(path);
    const file = await promises.open(path, "r");
    assert(locksOn(path) > 0);
    await file.read(new Uint8Array(100), 0, 100, 0);
    assert.equal(locksOn(path), 0);
    db.close();
    await file.close();
  },
});

Deno.test({
  name: "a file that is made new is for its owner alone from the start, and is never another one's",
  ignore: WINDOWS,
  fn: () => {
    using folder = new Folder();
    const path = folder.file("key");
    closeSync(openSync(path, "wx", 0o600));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.throws(() => openSync(path, "wx", 0o600), { code: "EEXIST" });
    Deno.symlinkSync(folder.file("elsewhere"), folder.file("link"));
    assert.throws(() => openSync(folder.file("link"), "wx", 0o600), { code: "EEXIST" });
  },
});

Deno.test({
  name: "a folder can be synced, so that a new name in it lasts, and a rename replaces",
  ignore: WINDOWS,
  fn: () => {
    using folder = new Folder();
    writeFileSync(folder.file("old"), "old");
    writeFileSync(folder.file("new"), "new");
    renameSync(folder.file("new"), folder.file("old"));
    const handle = openSync(folder.path, "r");
    fsyncSync(handle);
    closeSync(handle);
    assert.equal(Deno.readTextFileSync(folder.file("old")), "new");
    assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["old"]);
  },
});

Deno.test("a file is told from any other by its device and number, whatever it is called", () => {
  using folder = new Folder();
  writeFileSync(folder.file("a"), "");
  writeFileSync(folder.file("b"), "");
  Deno.linkSync(folder.file("a"), folder.file("c"));
  const [a, b, c] = ["a", "b", "c"].map((name) => statSync(folder.file(name)));
  assert.deepEqual([a!.dev, a!.ino], [c!.dev, c!.ino]);
  assert.notEqual(a!.ino, b!.ino);
});

Deno.test("the room of a disk is told, to those only who may ask the system", async () => {
  const { bavail, blocks, bsize } = statfsSync(Deno.cwd());
  assert(bsize > 0 && blocks >= bavail && bavail > 0);
  const code = `import { statfsSync } from "node:fs";
    try { console.log(statfsSync(".").bsize > 0); } catch (error) { console.log(error.name); }`;
  const told = async (...permissions: string[]) => {
    const args = ["run", "--no-prompt", "--allow-read", ...permissions, "-"];
    const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" })
      .spawn();
    const input = child.stdin.getWriter();
    await input.write(new TextEncoder().encode(code));
    await input.close();
    return new TextDecoder().decode((await child.output()).stdout).trim();
  };
  assert.deepEqual(await Promise.all([told(), told("--allow-sys=statfs")]), ["NotCapable", "true"]);
});
