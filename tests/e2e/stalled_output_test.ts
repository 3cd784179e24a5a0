/**
 * `receive --output -` into a pipe that is not read: the program goes on living, keeps what it holds,
 * and obeys.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Program } from "../support/processes.ts";
import { textsIn, textsOf } from "../support/received.ts";
import { Workspace } from "../support/workspace.ts";

/** More than a pipe holds. */
const MESSAGES = Array.from({ length: 300 }, (_, n) => `${n} ${"x".repeat(1_000)}`);
const ACK_TIMEOUT_MS = 1_000;

/** A named pipe, read when the test wants. */
class Pipe implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #buffer = new Uint8Array(1_024);
  #text = "";

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Starts `receive` with this pipe as its stdout. */
  static async receive(workspace: Workspace, ...args: string[]): Promise<[Pipe, Program]> {
    const path = workspace.path("pipe");
    await new Deno.Command("mkfifo", { args: [path] }).output();
    const receive = workspace.run(
      ["receive", "--as", "receiver_1", "--output", "-", ...args],
      { through: ["sh", "-c", 'exec "$@" >"$0"', path] },
    );
    return [new Pipe(await Deno.open(path)), receive];
  }

  /** Reads until there are so many lines, and gives them. */
  async lines(count: number): Promise<string[]> {
    while (true) {
      const lines = this.#text.split("\n");
      if (lines.length > count) return lines.slice(0, count);
      assert(await this.#read(), `it ended after ${lines.length - 1} lines`);
    }
  }

  /** Reads to the end, and gives all lines. */
  async rest(): Promise<string[]> {
    while (await this.#read());
    const lines = this.#text.split("\n");
    assert.equal(lines.pop(), "", "the last line is whole");
    return lines;
  }

  async #read(): Promise<boolean> {
    const length = await this.#file.read(this.#buffer);
    this.#text += new TextDecoder().decode(this.#buffer.subarray(0, length ?? 0));
    return length !== null;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** A broker that has all messages, and a receiver of them whose reader stalls after the first line. */
async function stalled(workspace: Workspace, ...args: string[]): Promise<[Pipe, Program]> {
  await workspace.serve();
  const [pipe, receive] = await Pipe.receive(workspace, ...args);
  const send = workspace.send();
  await send.write(MESSAGES.join("\n"));
  await send.endInput();
  await send.success();
  await pipe.lines(1);
  return [pipe, receive];
}

function line(program: Program, words: RegExp): Promise<string> {
  return program.until("stderr", (lines) => lines.find((line) => words.test(line)));
}

Deno.test({
  name: "a receiver whose reader stalls ends at the second request to stop",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using workspace = await Workspace.make();
    const [pipe, receive] = await stalled(workspace);
    using _ = pipe;
    receive.signal("SIGINT");
    await line(receive, /^waiting for what reads stdout/);
    receive.signal("SIGINT");
    assert.equal((await receive.end()).code, 1, receive.stderr.text);
  },
});

Deno.test({
  name: "a receiver whose reader goes on after a request to stop ends well",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using workspace = await Workspace.make();
    const [pipe, receive] = await stalled(workspace);
    using _ = pipe;
    receive.signal("SIGTERM");
    await line(receive, /^waiting for what reads stdout/);
    const taken = await pipe.rest();
    assert.equal((await receive.end()).code, 0, receive.stderr.text);
    const left = MESSAGES.length - taken.length;
    if (left > 0) await workspace.receive("--output", "rest", "--count", String(left)).success();
    assert.deepEqual([...textsOf(taken), ...textsIn(workspace.path("rest"))], MESSAGES);
  },
});

Deno.test({
  name: "what a receiver holds stays its own while its reader stalls beyond the ack timeout",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await using workspace = await Workspace.make();
    const [pipe, receive] = await stalled(workspace, "--ack-timeout", "1");
    using _ = pipe;
    const other = workspace.receive("--verbose");
    await line(other, /^receiving as/);
    // Nothing is to happen, and that takes its time.
    await new Promise((resolve) => setTimeout(resolve, 2.5 * ACK_TIMEOUT_MS));
    assert.deepEqual(textsOf(await pipe.lines(MESSAGES.length)), MESSAGES);
    for (const program of [receive, other]) {
      program.signal("SIGTERM");
      await program.success();
    }
    assert.match(receive.stderr.text, /received 300, dropped 0 duplicates/);
    assert.match(other.stderr.text, /received 0 to /);
  },
});
