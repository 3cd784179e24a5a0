/**
 * Processes that die or run out of disk while they commit.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { MessageHead } from "../../lib/core/message.ts";
import type { StoredMessage } from "../../lib/core/restore.ts";
import { bodyOf } from "../contracts/store_model.ts";
import { DEAD_LANE, DELETED_EVERY, LANES, MOVED_EVERY, REMOVED_AFTER } from "./commit_loop.ts";
import { DatabaseFolder, messagesOf } from "./database_folder.ts";

const SCRIPT = new URL("commit_loop.ts", import.meta.url).pathname;
const BODY_BYTES = 700;

/** Opens what a process left and fails unless it is the state after a commit; gives its number. */
async function committedBy(box: DatabaseFolder, bodyBytes: number): Promise<number> {
  const store = await box.open();
  try {
    const snapshot = await store.load();
    const count = snapshot.lanes[0]?.nextSeq ?? 0;
    const movedCount = Math.max(0, Math.ceil(count / MOVED_EVERY) - 1);
    const lanes = LANES.map((lane) => ({ ...lane, nextSeq: count }));
    const ends = [...lanes, { ...DEAD_LANE, nextSeq: movedCount }];
    assert.deepEqual(snapshot.lanes, ends.filter((lane) => lane.nextSeq > 0));
    const isDeclared = count % DELETED_EVERY !== 0;
    assert.deepEqual(snapshot.queues, isDeclared ? [{ queue: LANES[2].queue, options: {} }] : []);
    const messages = await messagesOf(store);
    for (const lane of ends) {
      const { queue, receiver } = lane;
      const ofLane = messages.filter(({ message: m }) =>
        m.queue === queue && m.receiver === receiver
      );
      assert.deepEqual(ofLane.map((m) => m.message.seq), [...Array(lane.nextSeq).keys()]);
      for (const message of ofLane) assertAsCommitted(message, count);
    }
    const queued = messages.filter((m) => m.gone === undefined).map((m) => m.message);
    const bodies = await store.read(queued);
    assert.deepEqual(bodies, queued.map((m) => bodyOfMessage(m, bodyBytes)));
    return count;
  } finally {
    await store.close();
  }
}

/** A dead letter has the body that its message had in the second lane. */
function bodyOfMessage(message: MessageHead, bytes: number): Uint8Array {
  if (message.dead === undefined) return bodyOf(message, message.seq, bytes);
  return bodyOf(LANES[1], message.seq * MOVED_EVERY, bytes);
}

/** What is to be known of a message after so many commits. */
function assertAsCommitted({ message, gone, deliveries }: StoredMessage, count: number): void {
  const { queue, receiver, seq } = message;
  if (queue === DEAD_LANE.queue) {
    assert.equal(message.id, `id-${seq * MOVED_EVERY}`);
    return assert.equal(gone, undefined);
  }
  if (queue === LANES[2].queue) {
    const isDeleted = seq < count - count % DELETED_EVERY;
    return assert.equal(gone, isDeleted ? "removed" : undefined);
  }
  if (receiver === LANES[0].receiver) {
    assert.equal(gone, seq < count - REMOVED_AFTER ? "removed" : undefined);
    return assert.equal(deliveries, 0);
  }
  const hasMoved = seq % MOVED_EVERY === 0 && seq < count - MOVED_EVERY;
  assert.equal(gone, hasMoved ? "moved" : undefined);
  if (!hasMoved) assert.equal(deliveries, seq < count - 1 ? 1 : 0);
}

function lastReported(output: string): number {
  return Number([...output.matchAll(/^committed (\d+)\n/gm)].at(-1)?.[1] ?? -1);
}

Deno.test("what a killed process reported as committed is there, and nothing in halves", async () => {
  using box = new DatabaseFolder();
  let before = 0;
  for (let round = 0; round < 5; round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", SCRIPT, box.path, String(BODY_BYTES)],
      stdout: "piped",
    }).spawn();
    let output = "";
    let killed = false;
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      output += text;
      if (killed || lastReported(output) < before + 40 + round * 37) continue;
      child.kill("SIGKILL");
      killed = true;
    }
    assert.equal((await child.status).signal, "SIGKILL");
    const reported = lastReported(output) + 1;
    assert.ok(reported > before);
    const committed = before = await committedBy(box, BODY_BYTES);
    assert.ok(committed === reported || committed === reported + 1, `${committed} of ${reported}`);
  }
});

/** Runs the loop where no file may grow beyond so many blocks of 512 bytes, to its end. */
async function starve(box: DatabaseFolder, blocks: number, bodyBytes: number): Promise<string> {
  // Without the trap the signal would end the process before it sees the error.
  const limited = ["-c", `trap "" XFSZ; ulimit -f ${blocks}; exec "$@"`, "sh"];
  const child = await new Deno.Command("sh", {
    args: [...limited, Deno.execPath(), "run", "-A", SCRIPT, box.path, String(bodyBytes)],
    stdout: "piped",
  }).output();
  const output = new TextDecoder().decode(child.stdout);
  const failures = [...output.matchAll(/^failed (.*)$/gm)].map(([, text]) => text);
  assert.equal(failures.length, 2, output.slice(-500));
  assert.match(
    failures[0]!,
    /^storage: cannot use the database .*broker\.db: (disk I\/O error|database or disk is full)$/,
  );
  assert.equal(failures[1], failures[0]);
  return output;
}

Deno.test("a commit that does not fit on the disk rejects, and the last good one is kept", async () => {
  using box = new DatabaseFolder();
  const reported = lastReported(await starve(box, 3_000, BODY_BYTES)) + 1;
  assert.ok(reported > 0);
  assert.equal(await committedBy(box, BODY_BYTES), reported);
});

Deno.test("a log that cannot be copied into the file stops the store instead of growing", async () => {
  using box = new DatabaseFolder();
  const bodyBytes = 1_000_000;
  const reported = lastReported(await starve(box, 160_000, bodyBytes)) + 1;
  // The file is at its limit, the log was as long as ever: what failed was the copying.
  assert.ok(Deno.statSync(`${box.path}-wal`).size < 72 * 1024 * 1024);
  // The last commit was in the log already, but nobody learned it.
  assert.equal(await committedBy(box, bodyBytes), reported + 1);
});
