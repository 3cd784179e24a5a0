/**
 * Processes that die or run out of disk while they commit.
 *
 * @module
 */
import assert from "node:assert/strict";
import { committedIn } from "./committed.ts";
import { DatabaseFolder } from "./database_folder.ts";

const SCRIPT = new URL("commit_loop.ts", import.meta.url).pathname;
const BODY_BYTES = 700;

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
    const committed = before = await committedIn(await box.open(), BODY_BYTES);
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
  assert.equal(await committedIn(await box.open(), BODY_BYTES), reported);
});

Deno.test("a log that cannot be copied into the file stops the store instead of growing", async () => {
  using box = new DatabaseFolder();
  const bodyBytes = 1_000_000;
  const reported = lastReported(await starve(box, 160_000, bodyBytes)) + 1;
  // The file is at its limit, the log was as long as ever: what failed was the copying.
  assert.ok(Deno.statSync(`${box.path}-wal`).size < 72 * 1024 * 1024);
  // The last commit was in the log already, but nobody learned it.
  assert.equal(await committedIn(await box.open(), bodyBytes), reported + 1);
});
