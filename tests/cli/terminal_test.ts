/**
 * What goes to which output, how much of it, and what happens when nobody reads it.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Terminal, type Verbosity } from "../../cli/terminal.ts";

const TERMINAL = new URL("../../cli/terminal.ts", import.meta.url).href;

/** Whether a shell with the usual tools is there. */
const hasShell = Deno.build.os !== "windows";

/** Runs code that has a `terminal`, in a process of its own, through a line of shell. */
async function inShell(
  code: string,
  line: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      script,
      `import { Terminal } from ${JSON.stringify(TERMINAL)};\n` +
        `const terminal = new Terminal();\n${code}`,
    );
    const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
    const { code: exit, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", line, "sh", Deno.execPath(), "run", "--no-check", "-c", config, script],
      env: { NO_COLOR: "1" },
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code: exit, stdout: text(stdout), stderr: text(stderr) };
  } finally {
    await Deno.remove(script);
  }
}

/** Shell that runs its arguments with an output whose reader goes as soon as it has come. */
function withGoneReader(output: 1 | 2): string {
  return `f=$(mktemp -u); mkfifo "$f"; (exec 3<"$f") & "$@" ${output}>"$f"; c=$?; rm "$f"; exit $c`;
}

/** What a terminal prints, by output. */
async function printed(
  verbosity: Verbosity,
  say: (terminal: Terminal) => void | Promise<void>,
): Promise<[stdout: string, stderr: string]> {
  const texts: [string, string] = ["", ""];
  const streams = [process.stdout, process.stderr];
  const original = streams.map((stream) => stream.write);
  const originalWrite = Deno.stdout.write;
  Deno.stdout.write = (bytes) => {
    // As little as the system may take at once.
    texts[0] += new TextDecoder().decode(bytes.subarray(0, 1));
    return Promise.resolve(1);
  };
  streams.forEach((stream, i) => {
    stream.write = (text: unknown) => {
      texts[i] += String(text);
      return true;
    };
  });
  try {
    const terminal = new Terminal();
    terminal.verbosity = verbosity;
    await say(terminal);
  } finally {
    streams.forEach((stream, i) => stream.write = original[i]!);
    Deno.stdout.write = originalWrite;
  }
  return texts;
}

async function everything(terminal: Terminal): Promise<void> {
  terminal.data("data");
  await terminal.write("raw;");
  terminal.note("note");
  terminal.detail("detail");
  terminal.log("log");
  terminal.error("what failed", "what to do");
  terminal.error("no hint");
}

Deno.test("data goes to stdout and everything else to stderr, as much as was asked for", async () => {
  const failures = "error: what failed\nhint: what to do\nerror: no hint\n";
  assert.deepEqual(await printed("normal", everything), ["data\nraw;", `note\nlog\n${failures}`]);
  assert.deepEqual(await printed("quiet", everything), ["data\nraw;", `log\n${failures}`]);
  assert.deepEqual(
    await printed("verbose", everything),
    ["data\nraw;", `note\ndetail\nlog\n${failures}`],
  );
});

Deno.test("progress is drawn only for a person who looks and wants to know", () => {
  const original = Object.getOwnPropertyDescriptor(process.stderr, "isTTY");
  const terminal = new Terminal();
  const interactive = (isTTY: boolean | undefined) => {
    Object.defineProperty(process.stderr, "isTTY", { value: isTTY, configurable: true });
    return terminal.interactive;
  };
  try {
    assert.equal(interactive(true), true);
    assert.equal(interactive(false), false);
    assert.equal(interactive(undefined), false);
    terminal.verbosity = "verbose";
    assert.equal(interactive(true), true);
    terminal.verbosity = "quiet";
    assert.equal(interactive(true), false);
    terminal.verbosity = "normal";
    terminal.json = true;
    assert.equal(interactive(true), false);
  } finally {
    if (original === undefined) delete (process.stderr as { isTTY?: boolean }).isTTY;
    else Object.defineProperty(process.stderr, "isTTY", original);
  }
});

Deno.test({
  name: "a reader of stderr that has gone ends nothing",
  ignore: !hasShell,
  fn: async () => {
    const code = `
      for (let i = 0; i < 3; i++) {
        terminal.log("log"); terminal.note("note"); terminal.error("error");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      terminal.data("went on");`;
    const run = await inShell(code, withGoneReader(2));
    assert.deepEqual([run.code, run.stdout], [0, "went on\n"], run.stderr);
  },
});

Deno.test({
  name: "a reader of stdout that has gone ends nothing, and a write says so",
  ignore: !hasShell,
  fn: async () => {
    const run = await inShell(
      `
      for (let i = 0; i < 3; i++) {
        terminal.data("data");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      const refused = await terminal.write("more").then(() => false, () => true);
      terminal.note(refused ? "refused" : "taken");`,
      withGoneReader(1),
    );
    assert.deepEqual([run.code, run.stderr], [0, "refused\n"]);
  },
});

Deno.test({
  name: "data that a full disk does not take is a failure",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    for (const print of ['terminal.data("data")', 'await terminal.write("data")']) {
      const run = await inShell(print, '"$@" >/dev/full');
      assert.notEqual(run.code, 0);
      assert.match(run.stderr, /cannot write to stdout: the disk is full/);
    }
  },
});

Deno.test({
  name: "a full disk under the log and the notes ends nothing",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const code = 'terminal.log("log"); terminal.error("e", "h"); terminal.data("went on");';
    const run = await inShell(code, '"$@" 2>/dev/full');
    assert.deepEqual([run.code, run.stdout], [0, "went on\n"]);
  },
});
