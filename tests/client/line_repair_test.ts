/**
 * What is cut off a file of lines, and what stays.
 *
 * @module
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import { readBytes, repairLines } from "../../lib/client/line_repair.ts";

/** Repairs a file with this content and gives what is in it then. */
function repaired(content: string | Uint8Array, from?: number): string {
  const path = Deno.makeTempFileSync();
  fs.writeFileSync(path, content);
  const fd = fs.openSync(path, "r+");
  try {
    const size = repairLines(fd, from);
    assert.equal(size, fs.fstatSync(fd).size);
    return readBytes(fd, 0, size).toString();
  } finally {
    fs.closeSync(fd);
    Deno.removeSync(path);
  }
}

Deno.test("a whole last line gets its end, a torn one goes, and others are not looked at", () => {
  assert.equal(repaired(""), "");
  assert.equal(repaired('{"a":1}\n'), '{"a":1}\n');
  assert.equal(repaired('{"a":1}'), '{"a":1}\n');
  assert.equal(repaired('no json\n{"a":1}\n{"b"'), 'no json\n{"a":1}\n');
  assert.equal(repaired('{"torn'), "");
  const long = `{"a":"${"x".repeat(200_000)}"}`;
  assert.equal(repaired(`1\n${long}`), `1\n${long}\n`);
  assert.equal(repaired(`1\n${long.slice(0, -2)}`), "1\n");
});

Deno.test("a line that begins with a byte order mark stays", () => {
  assert.equal(repaired('\uFEFF{"a":1}'), '\uFEFF{"a":1}\n');
});

Deno.test("from a given line on, the file is cut at the first line that is not JSON", () => {
  assert.equal(repaired("bad\n1\n2\n\0\0\n3\n", 4), "bad\n1\n2\n");
  assert.equal(repaired("1\n2\n3", 2), "1\n2\n3\n");
  assert.equal(repaired("1\n2\n[", 2), "1\n2\n");
  assert.equal(repaired(Uint8Array.of(49, 10, 0xff, 10, 50, 10), 0), "1\n");
});
