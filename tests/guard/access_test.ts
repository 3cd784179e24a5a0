/**
 * Who may register which key, and who may back up the broker.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mayBackUp, mayRegisterKey } from "../../lib/guard/access.ts";

Deno.test("an identity registers a key for itself and for nobody else", () => {
  assert.equal(mayRegisterKey("alice", "alice"), true);
  for (const other of ["bob", "Alice", "alice ", "alice\0", ""]) {
    assert.equal(mayRegisterKey("alice", other), false, other);
  }
});

Deno.test("the database is copied by those that are listed as admins, and by nobody else", () => {
  assert.equal(mayBackUp("admin", ["operator", "admin"]), true);
  for (const other of ["Admin", "admin ", "admin\0", "adm", "admin2", ""]) {
    assert.equal(mayBackUp(other, ["operator", "admin"]), false, other);
  }
  assert.equal(mayBackUp("admin", []), false);
});
