/** Room for what waits to be sent, among more and more clients. */
import assert from "node:assert/strict";
import { UnsentShare } from "../../lib/core/unsent_share.ts";
import { CoreDriver } from "../support/core_driver.ts";

const KIB = 1024;

Deno.test("a share is what one may have, then a part of the whole, and never less than 64 KiB", () => {
  const share = new UnsentShare({ maxUnsentBytes: 1000 * KIB, maxOutgoingBytes: 4000 * KIB });
  const after = (joined: number) => {
    for (let n = 0; n < joined; n++) share.joined();
    return share.bytes / KIB;
  };
  assert.deepEqual([after(0), after(1), after(3), after(1), after(5)], [
    1000,
    1000,
    1000,
    800,
    400,
  ]);
  assert.equal(after(990), 64);
  for (let n = 0; n < 996; n++) share.left();
  assert.equal(share.bytes, 1000 * KIB);
});

Deno.test("whoever may have less than 64 KiB waiting has that, however many clients there are", () => {
  const share = new UnsentShare({ maxUnsentBytes: 500, maxOutgoingBytes: 1000 });
  for (let n = 0; n < 100; n++) share.joined();
  assert.equal(share.bytes, 500);
  assert(share.worthDraining < share.bytes);
});

Deno.test("clients that come make the others' shares smaller, and those that leave give them back", () => {
  const driver = new CoreDriver({ maxUnsentBytes: 200 * KIB, maxOutgoingBytes: 400 * KIB });
  const bob = driver.connect("bob");
  bob.bind("q");
  const others = ["alice", "carol", "dave"].map((name) => driver.connect(name));
  const body = "x".repeat(50 * KIB);
  bob.publishAll(["1", "2", "3", "4", "5", "6"], { body });
  bob.consume("q");
  // Four share: 100 KiB each.
  assert.deepEqual(bob.takeIds(), ["1", "2"]);
  for (const other of others.slice(1)) other.disconnect();
  bob.drained();
  assert.deepEqual(bob.takeIds(), ["3", "4", "5", "6"]);
});
