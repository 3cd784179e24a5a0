/**
 * A disk that takes no more: the broker stops, and has ACKed nothing that is not stored.
 *
 * @module
 */
import assert from "node:assert/strict";
import { declareQueues, drain, publishBatch } from "../support/commands.ts";
import { Workspace } from "../support/workspace.ts";

/** No file may grow beyond 8 MiB: a write fails with an error, and the signal is ignored. */
const SMALL_DISK = ["sh", "-c", `trap '' XFSZ; ulimit -f 16384; exec "$@"`, "sh"];
const BATCH = 20;

Deno.test({
  name: "a commit that fails stops the broker, unanswered; all it ACKed is there on a sane disk",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using workspace = await Workspace.make();
    const broker = await workspace.serve({ through: SMALL_DISK });
    const receiver = await workspace.connect("receiver_1");
    await declareQueues(receiver, "receiver_1");
    const publisher = await workspace.connect("sender_1");
    const acked: string[] = [];
    let sent = 0;
    for (let open = true; open;) {
      const ids = Array.from({ length: BATCH }, () => `m-${sent++}`);
      assert(sent < 4000, "the disk was never full");
      await publisher.write(publishBatch(ids, { bytes: 10_000 })).catch(() => {});
      for (const id of ids) {
        const line = await publisher.line();
        open &&= line !== undefined;
        if (!open) break;
        assert.equal(line, `ACK ${id}`);
        acked.push(id);
      }
    }
    // A batch is one commit: ACKs of a part of it would be of messages that are not stored.
    assert.equal(acked.length % BATCH, 0);
    assert(acked.length >= BATCH);
    assert.equal(await receiver.line(), undefined);
    const status = await broker.end();
    assert.equal(status.code, 1, broker.stderr.text);
    assert.match(broker.stderr.text, /^error: .*broker\.db/m);
    assert.match(broker.stderr.text, /^hint: /m);
    await broker.event("the broker stops");

    const sane = await workspace.serve();
    const back = await workspace.connect("receiver_1");
    const kept = await drain(back);
    assert.deepEqual(kept.slice(0, acked.length), acked);
    // What had no ACK is sent again, whether it was stored or not, and comes once.
    back.close();
    await sane.event("disconnected");
    const again = await workspace.connect("sender_1");
    const last = Array.from({ length: BATCH }, (_, i) => `m-${acked.length + i}`);
    await again.write(publishBatch(last, { bytes: 10_000 }));
    assert.deepEqual(await again.lines(BATCH), last.map((id) => `ACK ${id}`));
    assert.deepEqual([
      ...kept.slice(acked.length),
      ...await drain(await workspace.connect("receiver_1")),
    ], last);
  },
});
