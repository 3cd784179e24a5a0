/**
 * Who may register which key.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mayRegisterKey } from "../../lib/guard/access.ts";

Deno.test("an identity registers a key for itself and for nobody else", () => {
  assert.equal(mayRegisterKey("alice", "alice"), true);
  for (const other of ["bob", "Alice", "alice ", "alice\0", ""]) {
    assert.equal(mayRegisterKey("alice", other), false, other);
  }
});
