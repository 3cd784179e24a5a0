/**
 * Processes that die or run out of disk while they commit.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { StoredMessage } from "../../lib/core/restore.ts";
import { bodyOf } from "../contracts/store_model.ts";
import { LANES, REMOVED_AFTER } from "./commit_loop.ts";
import { DatabaseFolder } from "./database_folder.ts";

const SCRIPT = new URL("commit_loop.ts", import.meta.url).pathname;
const BODY_BYTES = 700;

/** Opens what a process left and fails unless it is the state after a commit; gives its number. */
async function committedBy(box: DatabaseFolder, bodyBytes: number): Promise<number> {
  const store = box.open();
  try {
    const snapshot = await store.load();
    const count = snapshot.lanes[0]?.nextSeq ?? 0;
    if (count > 0) {
      assert.deepEqual(snapshot.lanes, LANES.map((lane) => ({ ...lane, nextSeq: count })));
    }
    const messages = [...snapshot.messages];
    for (const lane of LANES) {
      const ofLane = messages.filter(({ message }) => message.receiver === lane.receiver);
      assert.deepEqual(ofLane.map((m) => m.message.seq), [...Array(count).keys()]);
      for (const message of ofLane) assertAsCommitted(message, count);
    }
    const queued = messages.filter((m) => !m.removed).map((m) => m.message);
    const bodies = await store.read(queued);
    assert.deepEqual(bodies, queued.map((m) => bodyOf(m, m.seq, bodyBytes)));
    return count;
  } finally {
    await store.close();
  }
}

function assertAsCommitted({ message, removed, deliveries }: StoredMessage, count: number): void {
  const first = message.receiver === LANES[0].receiver;
  assert.equal(removed, first && message.seq < count - REMOVED_AFTER);
  assert.equal(deliveries, !first && message.seq < count - 1 ? 1 : 0);
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
