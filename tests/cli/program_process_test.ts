/**
 * This program again as another process: what it is told, what it says, and how it ends.
 *
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../support/program_process_main.ts", import.meta.url));

/** What a program that starts itself found out. */
async function outcome(what: string): Promise<unknown> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, what],
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(code, 0, text(stderr));
  return JSON.parse(text(stdout));
}

Deno.test("a process gets its input and hands over each line of its outputs", async () => {
  assert.deepEqual(await outcome("a conversation"), {
    code: 0,
    data: ["first", "second", "third", "né", "last"],
    notes: ["one", "two"],
  });
});

Deno.test("a process that fails is told with its name, its exit code and the end of what it said", async () => {
  const failure = await outcome("a failure") as Record<string, unknown>;
  assert.equal(failure["name"], "CipherMqError");
  assert.match(String(failure["start"]), /^fail ended with exit code 3:\nx+/);
  assert.match(String(failure["end"]), /x\nerror: what failed\n$/);
  assert(Number(failure["length"]) < 4100, "it does not keep everything");
});

Deno.test({
  name: "a process that is asked to stop ends by itself, one that is killed does not",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    assert.equal(await outcome("an orderly end"), 0);
    assert.equal(await outcome("a kill"), 128 + 9);
  },
});

Deno.test("a process that has ended can be stopped and waited for again", async () => {
  assert.deepEqual(await outcome("what comes after the end"), {
    codes: [0, 0],
    write: "refused",
  });
});

Deno.test("a process works in its folder and sees nothing of the environment", async () => {
  const { folder, facts } = await outcome("its surroundings") as Record<string, unknown>;
  assert.deepEqual(facts, { cwd: folder, home: null });
});
