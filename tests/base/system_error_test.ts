/**
 * What the system refuses is told in words, with what to do; what is not the system's stays itself.
 *
 * @module
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { CipherMqError } from "../../lib/base/errors.ts";
import { systemError, systemReason } from "../../lib/base/system_error.ts";

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

function coded(code: string): Error {
  return Object.assign(new Error(`${code}: raw words`), { code });
}

Deno.test("the same failure is told in the same words, whether Node's functions or Deno's met it", () => {
  const folder = Deno.makeTempDirSync();
  const file = join(folder, "file");
  const missing = join(folder, "none", "x");
  const under = join(file, "x");
  Deno.writeTextFileSync(file, "no database, but long enough to have a header of one".repeat(20));
  const cases: readonly (readonly [act: () => unknown, why: RegExp])[] = [
    [() => Deno.readTextFileSync(missing), /^there is no such file$/],
    [() => fs.readFileSync(missing), /^there is no such file$/],
    [() => Deno.readTextFileSync(folder), /^it is a folder$/],
    [() => fs.openSync(folder, "a"), /^it is a folder$/],
    [() => Deno.openSync(under), /^a part of its path is a file, not a folder$/],
    [() => fs.openSync(under, "a"), /^a part of its path is a file, not a folder$/],
    [() => Deno.mkdirSync(file), /^a file is there already where a folder is needed$/],
    [() => fs.mkdirSync(file), /^a file is there already where a folder is needed$/],
    [() => Deno.openSync(join(folder, "n".repeat(300))), /^the name is too long$/],
    [() => new DatabaseSync(file).exec("PRAGMA user_version = 1"), /^it is no database, or/],
    [() => new DatabaseSync(missing), /^unable to open database file/],
  ];
  try {
    for (const [act, why] of cases) assert.match(systemReason(thrownBy(act))?.why ?? "", why);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("permissions, full and broken disks come with what to do next", () => {
  const errors = [
    new Deno.errors.PermissionDenied("raw words"),
    new Deno.errors.NotCapable("Requires all access"),
    ...["EACCES", "EPERM", "ENOSPC", "EDQUOT", "EROFS", "EIO", "ELOOP", "EMFILE"].map(coded),
  ];
  for (const error of errors) {
    const { message, hint, cause } = systemError("storage", "cannot write x", error, "another");
    assert.match(message, /^cannot write x: ./);
    assert.doesNotMatch(message, /raw words|Requires/);
    assert(hint !== undefined && hint !== "another", message);
    assert.equal(cause, error);
  }
  assert.equal(systemError("usage", "cannot read x", coded("ENOENT"), "look").hint, "look");
  assert.equal(systemReason(coded("ENEW"))?.why, "ENEW: raw words");
});

Deno.test("an error that explains itself is kept, and one of the program's own is thrown on", () => {
  const own = new CipherMqError("limit", "cannot do it: too many");
  assert.equal(systemError("storage", "cannot write x", own), own);
  for (const error of [new TypeError("secret"), coded("ERR_INVALID_STATE"), "text"]) {
    assert.equal(systemReason(error), undefined);
    assert.equal(thrownBy(() => systemError("storage", "cannot write x", error)), error);
  }
});
