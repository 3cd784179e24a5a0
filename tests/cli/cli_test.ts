/**
 * The program as a whole: its help, its usage errors, its global options and its failures.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import project from "../../deno.json" with { type: "json" };
import { type CliRun, runCli } from "../support/run_cli.ts";

const SUBCOMMANDS = [
  ...["init", "serve", "send", "receive", "declare-queue", "dead-letters", "stats", "backup"],
  ...["keygen", "gen-certs", "demo"],
];

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("what cannot be understood is a usage error, with what is wrong and what to do", async (t) => {
  const cases: readonly (readonly [args: readonly string[], text: RegExp])[] = [
    [["serv"], /^error: unknown command 'serv'\n\(Did you mean serve\?\)\n/],
    [["--nope"], /^error: unknown option '--nope'/],
    [["serve", "--nope"], /^error: unknown option '--nope'/],
    [["serve", "--confg", "x"], /Did you mean --config\?/],
    [["serve", "extra"], /^error: too many arguments for 'serve'/],
    [["serve", "--config"], /^error: option '-c, --config <file>' argument missing/],
    [["keygen"], /^error: missing required argument 'NAME'/],
    [["keygen", "a", "--force", "--print-public"], /^error: option '--print-public' cannot be/],
    [["__proto__"], /^error: unknown command '__proto__'/],
  ];
  for (const [args, text] of cases) {
    await t.step(args.join(" "), async () => {
      const { code, stdout, stderr } = await runCli(...args);
      assert.equal(code, 2);
      assert.match(stderr, text);
      assert.match(stderr, /\nhint: --help shows what is possible\n$/);
      assert.equal(stdout, "");
    });
  }
});

Deno.test("without a subcommand it shows the help, as an error", async () => {
  for (const args of [[], ["--json"], ["-q"]]) {
    const { code, stdout, stderr } = await runCli(...args);
    assert.equal(code, 2);
    assert.match(stderr, /^Usage: ciphermq /);
    assert.equal(stdout, "");
  }
});

Deno.test("help and version go to stdout and are no error", async () => {
  for (const flag of ["--version", "-V"]) {
    assert.deepEqual(await runCli(flag), {
      code: 0,
      stdout: `${project.version}\n`,
      stderr: "",
    });
  }
  for (const args of [["--help"], ["-h"], ["help"]]) {
    const { code, stdout, stderr } = await runCli(...args);
    assert.deepEqual([code, stderr], [0, ""]);
    for (const name of SUBCOMMANDS) assert.match(stdout, new RegExp(`^  ${name}\\b.*  \\S`, "m"));
    for (const option of ["--json", "--quiet", "--verbose"]) assert(stdout.includes(option));
  }
});

Deno.test("each subcommand has a help with what it does, its options and the global ones", async () => {
  for (const name of SUBCOMMANDS) {
    const run = await runCli(name, "--help");
    assert.deepEqual([run.code, run.stderr], [0, ""]);
    assert.match(run.stdout, new RegExp(`^Usage: ciphermq ${name}\\b.*\n\n[A-Z]`));
    assert.match(run.stdout, /^Global Options:\n[^]*--json[^]*--quiet[^]*--verbose/m);
    assert.deepEqual(await runCli("help", name), run);
  }
});

/** Where a global option may stand. */
function placed(option: string, name: string, rest: readonly string[]): string[][] {
  return [[option, name, ...rest], [name, option, ...rest], [name, ...rest, option]];
}

Deno.test("--json works before and after the subcommand", async () => {
  await inFolder(async (folder) => {
    await runCli("keygen", "a", "--dir", folder);
    const rest = ["a", "--dir", folder, "--print-public"];
    const plain = (await runCli("keygen", ...rest)).stdout.trim();
    for (const args of placed("--json", "keygen", rest)) {
      const { code, stdout } = await runCli(...args);
      assert.equal(code, 0);
      assert.deepEqual(JSON.parse(stdout), { name: "a", public_key: plain }, args.join(" "));
    }
  });
});

Deno.test("--quiet works before and after the subcommand, and leaves data and errors", async () => {
  await inFolder(async (folder) => {
    const rest = ["a", "--dir", folder, "--force"];
    assert.match((await runCli("keygen", ...rest)).stderr, /private key/);
    for (const option of ["--quiet", "-q"]) {
      for (const args of placed(option, "keygen", rest)) {
        assert.deepEqual(await runCli(...args), { code: 0, stdout: "", stderr: "" });
      }
    }
    const data = await runCli("keygen", "a", "--dir", folder, "--print-public", "--quiet");
    assert.match(data.stdout, /^[A-Za-z0-9+/]{43}=\n$/);
    const { code, stderr } = await runCli("keygen", "a", "--dir", folder, "--quiet");
    assert.equal(code, 1);
    assert.match(stderr, /^error: .+\nhint: .+\n$/);
  });
});

Deno.test("a failure says what and why, what to do next, and nothing of where in the program", async () => {
  await inFolder(async (folder) => {
    const missing = join(folder, "config.toml");
    assert.deepEqual(await runCli("serve", "--config", missing), {
      code: 2,
      stdout: "",
      stderr: `error: cannot read the configuration ${missing}: there is no such file\n` +
        "hint: make one with `ciphermq init`\n",
    });
    const bad = await runCli("keygen", "../a", "--dir", folder);
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /^error: [^\n]+\n(hint: [^\n]+\n)?$/);
  });
});

/** Runs `keygen` on a machine whose source of random numbers throws something. */
async function failingWith(thrown: unknown): Promise<CliRun> {
  const original = crypto.getRandomValues;
  crypto.getRandomValues = () => {
    throw thrown;
  };
  try {
    // It makes the key before the folder.
    return await runCli("keygen", "a", "--dir", "never made");
  } finally {
    crypto.getRandomValues = original;
  }
}

Deno.test("what nobody expected is told with its kind and place, and no text that may be a secret", async () => {
  const secret = "SECRET";
  const quoting = [
    new SyntaxError(`Unexpected token 'S', "${secret}" is not valid JSON`),
    new TypeError(`${secret}\n${secret}`),
    Object.assign(new TypeError(`Received '${secret}'`), { code: "ERR_INVALID_ARG_TYPE" }),
    new Error("text", { cause: secret }),
    secret,
    { secret },
  ];
  for (const error of quoting) {
    const { code, stdout, stderr } = await failingWith(error);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert(!stderr.includes(secret), stderr);
    assert.match(stderr, /^error: unexpected \w+\n/);
    if (error instanceof Error) assert.match(stderr, /^ +at .*cli_test\.ts/m);
  }
});

Deno.test("what the system refuses where nobody foresaw it is told in words, with its own text", async () => {
  const errors = [
    [Object.assign(new Error("raw: x"), { code: "ENOSPC" }), "the disk is full"],
    [new Deno.errors.NotCapable("raw: x"), "Deno does not let the program at it"],
  ] as const;
  for (const [error, why] of errors) {
    const { code, stderr } = await failingWith(error);
    assert.equal(code, 1);
    const [first, second, ...more] = stderr.split("\n");
    assert.equal(first, `error: cannot go on: ${why} (raw: x)`);
    assert.match(second ?? "", /^hint: ./);
    assert.deepEqual(more, [""]);
  }
});

Deno.test("a path that cannot be used is told in words, with what to do and the documented code", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "file");
    Deno.writeTextFileSync(file, "{}");
    assert.equal((await runCli("init", join(folder, "home"), "-q")).code, 0);
    const certs = join(folder, "home", "certs");
    const receive = ["receive", "--as", "receiver_1", "--certs", certs, "--output"];
    const send = ["send", "--as", "sender_1", "--to", "receiver_1", "--certs", certs];
    const cases: readonly (readonly [code: number, args: readonly string[]])[] = [
      [2, ["init", file]],
      [2, ["init", join(file, "x")]],
      [2, ["keygen", "a", "--dir", file]],
      [2, ["gen-certs", "a", "--dir", file]],
      [2, ["gen-certs", "a", "--dir", join(file, "x")]],
      [2, ["serve", "--config", folder]],
      [2, ["serve", "--config", join(file, "x")]],
      [2, [...send, "x", "--config", folder]],
      [2, [...send, "--file", folder]],
      [2, [...send, "--file", join(file, "x")]],
      [2, [...send, "--file", join(folder, "none", "x")]],
      [1, [...send, "x", "--spool", file]],
      [1, [...receive, folder]],
      [1, [...receive, join(file, "x")]],
      [2, [...receive, "-", "--private-key", folder]],
    ];
    for (const [expected, args] of cases) {
      const { code, stderr } = await runCli(...args);
      assert.equal(code, expected, `${args.join(" ")}: ${stderr}`);
      assert.match(stderr, /^error: cannot [^\n]+\nhint: [^\n]+\n$/);
      assert.doesNotMatch(stderr, /E[A-Z]{3,}|os error|Requires/);
    }
  });
});

Deno.test("--verbose adds what the system said to a failure, and does not go with --quiet", async () => {
  await inFolder(async (folder) => {
    const missing = ["serve", "--config", join(folder, "none")];
    const plain = await runCli(...missing);
    for (const args of placed("-v", missing[0]!, missing.slice(1))) {
      const { code, stderr } = await runCli(...args);
      assert.equal(code, 2);
      assert(stderr.startsWith(plain.stderr) && plain.stderr.length > 0);
      assert.match(stderr.slice(plain.stderr.length), /^cause: No such file .*none'\n$/);
    }
    const both = await runCli("-v", "-q", ...missing);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /cannot be used with option/);
  });
});

Deno.test("commands in hints are told as the launcher was called", async () => {
  process.env.CIPHERMQ_PROGRAM = "./ciphermq";
  try {
    const { stderr } = await runCli("serve", "--config", "no-such-file");
    assert.match(stderr, /\nhint: make one with `\.\/ciphermq init`\n$/);
  } finally {
    delete process.env.CIPHERMQ_PROGRAM;
  }
});

Deno.test("no help tells a default twice", async () => {
  for (const name of SUBCOMMANDS) {
    const { stdout } = await runCli(name, "--help");
    assert.doesNotMatch(stdout.replace(/\s+/g, " "), /\(default: [^)]*\) \(default:/);
    assert(!stdout.includes("[]"), stdout);
  }
});
