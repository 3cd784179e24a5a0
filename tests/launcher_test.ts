/**
 * The launcher `./ciphermq`, run with a PATH on which Deno is good, old, or not there at all.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import project from "../deno.json" with { type: "json" };

const LAUNCHER = fileURLToPath(new URL("../ciphermq", import.meta.url));
const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const windows = Deno.build.os === "windows";

/** A folder of programs that is all of a PATH; removed when its scope ends. */
class Path {
  readonly folder = Deno.makeTempDirSync();

  constructor() {
    for (const tool of ["readlink", "dirname"]) {
      const place = ["/usr/bin", "/bin"].map((at) => join(at, tool)).find((file) => exists(file));
      assert(place !== undefined, `this system has no ${tool}`);
      Deno.symlinkSync(place, join(this.folder, tool));
    }
  }

  add(name: string, script: string): string {
    const file = join(this.folder, name);
    Deno.writeTextFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file;
  }

  /** A Deno that says it is of `version`, and shows how it is run. */
  addDeno(version: string, name = "deno"): string {
    const file = join(this.folder, name);
    return this.add(
      name,
      `case $1 in
eval) echo "${version} ${file}" ;;
*) printf '%s\\n' "ran ${name}" "$@"; echo "pid $$"; echo "called $CIPHERMQ_PROGRAM"; while read -r line; do echo "read $line"; done; exit 42 ;;
esac`,
    );
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function exists(file: string): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}

interface Run {
  code: number;
  stdout: string;
  stderr: string;
  pid: number;
}

async function run(path: string, args: string[], input = "", launcher = LAUNCHER): Promise<Run> {
  const child = new Deno.Command(launcher, {
    args,
    clearEnv: true,
    env: { PATH: path },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // A launcher that refuses has ended without reading.
  await writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr), pid: child.pid };
}

function test(name: string, body: () => Promise<void>): void {
  Deno.test({ name, ignore: windows, fn: body });
}

test("a good Deno on PATH runs main.ts with stdin, arguments and exit code kept", async () => {
  using path = new Path();
  path.addDeno("2.9.6");
  const args = ["--json", "send", "two words", "--to", "receiver_1", ""];
  const { code, stdout, stderr } = await run(path.folder, args, "a\nb\n");
  assert.equal(stderr, "");
  assert.equal(code, 42);
  const lines = stdout.split("\n");
  assert.equal(lines[0], "ran deno");
  assert.equal(lines[1], "run");
  const main = lines.indexOf(MAIN);
  assert.deepEqual(lines.slice(main + 1, main + 1 + args.length), args);
  assert.deepEqual(lines.slice(-3), ["read a", "read b", ""]);
});

test("Deno takes the launcher's place, so that signals reach it", async () => {
  using path = new Path();
  path.addDeno("2.9.6");
  const { stdout, pid } = await run(path.folder, ["serve"]);
  assert(stdout.includes(`pid ${pid}\n`));
});

test("Deno 2.9.6 and any later 2.x is good; what is older, of another major or a preview is not", async () => {
  const versions = [
    ["2.9.6", true],
    ["2.9.10", true],
    ["2.10.0", true],
    ["2.9.5", false],
    ["2.7.14", false],
    ["1.46.3", false],
    ["3.0.0", false],
    ["2.10.0-rc.1", false],
    ["2.10", false],
    ["", false],
  ] as const;
  for (const [version, good] of versions) {
    using path = new Path();
    path.addDeno(version);
    const { code } = await run(path.folder, ["serve"]);
    assert.equal(code, good ? 42 : 1, `version ${version}`);
  }
});

test("without a good Deno the pinned one comes through npx, and is run itself", async () => {
  for (const version of [undefined, "2.9.5"]) {
    using path = new Path();
    if (version !== undefined) path.addDeno(version);
    path.addDeno("2.9.6", "fetched");
    path.add(
      "npx",
      `[ "$*" = "\${*#-y --prefer-offline deno@2.9.6 eval}" ] && exit 9; shift 3; exec fetched "$@"`,
    );
    const { code, stdout, stderr, pid } = await run(path.folder, ["serve"], "x\n");
    assert.equal(stderr, "");
    assert.equal(code, 42);
    assert.match(stdout, /^ran fetched\nrun\n/);
    assert(stdout.includes(`pid ${pid}\n`) && stdout.endsWith("read x\n"));
  }
});

test("without Deno and npx it says what is needed and how to get it", async () => {
  using path = new Path();
  const { code, stdout, stderr } = await run(path.folder, ["serve"]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /^error: CipherMQ needs Deno 2\.9\.6 .* none on PATH, .* no npx to fetch it\n/,
  );
  assert.match(stderr, /\nhint: npm install -g deno@2\.9\.6\n$/);
});

test("an older Deno without npx is refused by its version", async () => {
  using path = new Path();
  path.addDeno("2.7.14");
  const { code, stdout, stderr } = await run(path.folder, ["serve"]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /^error: CipherMQ needs Deno 2\.9\.6 .* the one on PATH is 2\.7\.14, /);
});

test("an npx that cannot fetch Deno is an error with a hint", async () => {
  using path = new Path();
  path.add("npx", "echo 'npm error network' >&2; exit 1");
  const { code, stderr } = await run(path.folder, ["serve"]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^npm error network\nerror: Deno 2\.9\.6 could not be fetched with npx\nhint: /,
  );
});

test("each subcommand gets just the permissions that it needs", async () => {
  using path = new Path();
  path.addDeno("2.9.6");
  const expected: Record<string, string> = {
    serve: "net read write sys=statfs",
    receive: "net read write",
    backup: "net read write",
    send: "net read",
    stats: "net read",
    "dead-letters": "net read",
    "declare-queue": "net read",
    init: "read write",
    keygen: "read write",
    "gen-certs": "read write",
    demo: "net read write sys=statfs run",
    unknown: "",
    "--help": "",
  };
  for (const [subcommand, permissions] of Object.entries(expected)) {
    const { stdout } = await run(path.folder, ["--verbose", subcommand, "serve"].slice(0, 2));
    const flags = stdout.slice(0, stdout.indexOf(MAIN)).split("\n").slice(2, -1);
    const allowed = flags.filter((flag) => /^--allow-(?!env)/.test(flag));
    assert.deepEqual(
      allowed,
      permissions.split(" ").filter(Boolean).map((permission) => `--allow-${permission}`),
      subcommand,
    );
    const environment = "--allow-env=CIPHERMQ_*,NO_COLOR,FORCE_COLOR,CLICOLOR_FORCE";
    assert.deepEqual(
      flags.filter((flag) => !allowed.includes(flag)).toSorted(),
      [environment, "--frozen", "--ignore-env", "--no-prompt"],
    );
  }
});

test("send may write only where it has a spool", async () => {
  using path = new Path();
  path.addDeno("2.9.6");
  for (const args of [["--spool", "dir"], ["x", "--spool=dir"], ["x"]]) {
    const { stdout } = await run(path.folder, ["send", ...args]);
    assert.equal(stdout.includes("\n--allow-write\n"), args.length === 2, args.join(" "));
  }
});

test("it finds the checkout through symbolic links, from any folder", async () => {
  using path = new Path();
  path.addDeno("2.9.6");
  const first = join(path.folder, "first");
  const second = join(path.folder, "second");
  Deno.symlinkSync(LAUNCHER, first);
  Deno.symlinkSync("first", second);
  const { stdout } = await run(path.folder, ["serve"], "", second);
  assert(stdout.includes(`\n${MAIN}\n`));
  assert(stdout.includes(`called ${second}\n`), "the program is told how it was called");
});

test("with the real Deno it starts the program", async () => {
  using path = new Path();
  Deno.symlinkSync(Deno.execPath(), join(path.folder, "deno"));
  const home = Deno.env.get("HOME") ?? path.folder;
  const { code, stdout, stderr } = await new Deno.Command(LAUNCHER, {
    args: ["--version"],
    env: { PATH: path.folder, HOME: home },
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  assert.equal(new TextDecoder().decode(stdout), `${project.version}\n`);
  assert.equal(code, 0);
});
