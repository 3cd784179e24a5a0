/**
 * The room on a disk, beside what the system's own tool says.
 *
 * @module
 */
import assert from "node:assert/strict";
import { diskSpace } from "../../lib/store/disk_space.ts";
import { failure } from "./database_folder.ts";

Deno.test("the free and total bytes of a folder's file system are those of df", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "ciphermq-space-" });
  const { freeBytes, totalBytes } = diskSpace(folder);
  const df = await new Deno.Command("df", { args: ["-Pk", folder] }).output();
  const fields = new TextDecoder().decode(df.stdout).trim().split("\n")[1]!.split(/\s+/);
  assert.equal(totalBytes, Number(fields[1]) * 1024);
  // Others write to the disk meanwhile.
  assert.ok(Math.abs(freeBytes - Number(fields[3]) * 1024) < 2 ** 30, `${freeBytes} ${fields[3]}`);
  Deno.removeSync(folder);
});

Deno.test("a place that is missing has no room to be told", () => {
  assert.throws(
    () => diskSpace("/missing/folder"),
    failure("storage", /cannot tell the free space at \/missing\/folder/),
  );
});
