/**
 * Ballast takes room, gives it back and takes it again.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Ballast } from "../../lib/store/ballast.ts";
import { failure } from "./database_folder.ts";

const BYTES = 2_500_000;
const BLOCK = 512;

async function withFolder(run: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "ciphermq-ballast-" });
  try {
    await run(`${folder}/ballast`, folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("ballast is a file of its bytes that takes them on the disk, for its owner only", () =>
  withFolder(async (path) => {
    const ballast = new Ballast(path, BYTES);
    assert.equal(ballast.held, false);
    assert.equal(await ballast.hold(), true);
    assert.equal(ballast.held, true);
    const { size, blocks, mode } = Deno.statSync(path);
    assert.equal(size, BYTES);
    assert.ok(blocks! * BLOCK >= BYTES, "no hole");
    assert.equal(mode! & 0o777, 0o600);
  }));

Deno.test("ballast is released and held again, each as often as one likes", () =>
  withFolder(async (path, folder) => {
    const ballast = new Ballast(path, BYTES);
    await ballast.release();
    for (let round = 0; round < 2; round++) {
      assert.equal(await ballast.hold(), true);
      const { ino } = Deno.statSync(path);
      assert.equal(await ballast.hold(), true);
      assert.equal(Deno.statSync(path).ino, ino, "what is whole is left as it is");
      await ballast.release();
      await ballast.release();
      assert.deepEqual([...Deno.readDirSync(folder)], []);
      assert.equal(ballast.held, false);
    }
  }));

Deno.test("ballast that a dead process left in part is made whole", () =>
  withFolder(async (path) => {
    Deno.writeFileSync(path, new Uint8Array(1000), { mode: 0o644 });
    const ballast = new Ballast(path, BYTES);
    assert.equal(ballast.held, false);
    assert.equal(await ballast.hold(), true);
    assert.equal(Deno.statSync(path).size, BYTES);
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  }));

Deno.test("ballast for which there is no room is not held, and no part of it stays", () =>
  withFolder(async (path, folder) => {
    const code = `
      import { Ballast } from ${
      JSON.stringify(new URL("../../lib/store/ballast.ts", import.meta.url).href)
    };
      console.log(await new Ballast(${JSON.stringify(path)}, ${BYTES}).hold());`;
    const child = await new Deno.Command("sh", {
      // Without the trap the signal would end the process before it sees the error.
      args: ["-c", 'trap "" XFSZ; ulimit -f 2000; exec "$@"', "sh", Deno.execPath(), "eval", code],
    }).output();
    assert.equal(new TextDecoder().decode(child.stdout).trim(), "false");
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("ballast in a folder that is missing is an error, not a lack of room", async () => {
  const ballast = new Ballast("/missing/folder/ballast", BYTES);
  await assert.rejects(ballast.hold(), failure("storage", /cannot hold the ballast .*missing/));
  await ballast.release();
});
