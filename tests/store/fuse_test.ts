/**
 * After the first failure nothing runs.
 *
 * @module
 */
import assert from "node:assert/strict";
import { CipherMqError } from "../../lib/base/errors.ts";
import { Fuse } from "../../lib/store/fuse.ts";

const explain = (error: unknown) => new CipherMqError("storage", String(error));

Deno.test("a fuse gives what the work gives, until the first failure; then that failure only", async () => {
  const fuse = new Fuse(explain);
  assert.equal(await fuse.run(() => 1), 1);
  const first = await fuse.run(() => {
    throw "disk";
  }).catch((error) => error);
  assert.equal(first.message, "disk");
  let ran = false;
  assert.equal(await fuse.run(() => ran = true).catch((error) => error), first);
  assert.equal(ran, false);
  assert.equal(fuse.blow("later"), first);
});
