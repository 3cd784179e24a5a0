/**
 * `deno task compile`, up to the base binary: any ELF file stands in for it, so that what is embedded
 * can be checked where Deno's download host cannot be reached.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileArguments, explainFailure, programName, TARGETS } from "../tasks/compile.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const TASK = join(ROOT, "tasks/compile.ts");
const PACKAGES = ".deno_compile_node_modules/";
const elf = Deno.build.os === "linux";

/** The paths in the tree that `deno compile` prints; `a/b/*` is a folder with all that is in it. */
function embeddedFiles(printed: string): string[] {
  const lines = printed.split("\n");
  const start = lines.indexOf("Embedded Files");
  assert(start >= 0, `no list of embedded files in: ${printed}`);
  const folders: string[] = [];
  const found: string[] = [];
  // The packages lie in a folder named after the host that they came from.
  const add = (path: string) => found.push(path.replace(/(?<=^\.deno_compile_[^/]*\/)[^/]*\//, ""));
  for (const line of lines.slice(start + 3)) {
    const [, indent, shape, name] = /^((?:[│ ] )*)[├└](──|─┬) (\S+)/.exec(line) ?? [];
    if (indent === undefined || name === undefined) break;
    folders.length = indent.length / 2;
    if (shape === "─┬") folders.push(name);
    else add([...folders, name].join("/"));
  }
  return found;
}

/** Whether a file or folder is in the tree. */
function isEmbedded(path: string, embedded: readonly string[]): boolean {
  return embedded.some((entry) =>
    entry.endsWith("/*")
      ? `${path}/`.startsWith(entry.slice(0, -1)) || entry.startsWith(`${path}/`)
      : entry === path
  );
}

interface Package {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
}

interface Module {
  readonly specifier: string;
  readonly local?: string;
  readonly npmPackage?: string;
  readonly dependencies?: readonly { readonly code?: { readonly specifier: string } }[];
}

interface Info {
  readonly roots: readonly string[];
  readonly redirects: Readonly<Record<string, string>>;
  readonly modules: readonly Module[];
  readonly npmPackages: Readonly<Record<string, Package>>;
}

/** What a root of the program needs when it runs: its own files, and the packages that they reach. */
async function neededFiles(root: string): Promise<{ own: string[]; packages: string[] }> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", join(ROOT, root)],
    cwd: ROOT,
  }).output();
  const info: Info = JSON.parse(new TextDecoder().decode(output.stdout));
  const modules = reachedModules(info);
  return {
    own: modules.flatMap(({ local }) => local?.startsWith(ROOT) ? [local.slice(ROOT.length)] : []),
    packages: reachedPackages(modules, info).map(({ name, version }) => `${name}/${version}`),
  };
}

/** The modules that are reached by more than types. */
function reachedModules({ roots, redirects, modules }: Info): Module[] {
  const bySpecifier = new Map(modules.map((module) => [module.specifier, module]));
  const reached = new Set(roots);
  // A set gives what is added while it is walked, too.
  for (const specifier of reached) {
    for (const { code } of bySpecifier.get(specifier)?.dependencies ?? []) {
      if (code !== undefined) reached.add(redirects[code.specifier] ?? code.specifier);
    }
  }
  return modules.filter(({ specifier }) => reached.has(specifier));
}

function reachedPackages(modules: readonly Module[], { npmPackages }: Info): Package[] {
  const reached = new Set(modules.flatMap(({ npmPackage }) => npmPackage ?? []));
  for (const key of reached) {
    for (const dependency of npmPackages[key]?.dependencies ?? []) reached.add(dependency);
  }
  return [...reached].flatMap((key) => npmPackages[key] ?? []);
}

/** The scripts of threads that are started anywhere in lib, from the project's root. */
async function threadsOf(root: string): Promise<string[]> {
  const found: string[] = [];
  for await (const folder of Deno.readDir(join(root, "lib"))) {
    for await (const { name } of Deno.readDir(join(root, "lib", folder.name))) {
      const path = join("lib", folder.name, name);
      if (!name.endsWith(".ts")) continue;
      const text = await Deno.readTextFile(join(root, path));
      for (const [, script] of text.matchAll(/new URL\("\.\/(\w+\.ts)", import\.meta\.url\)/g)) {
        found.push(join("lib", folder.name, script!));
      }
    }
  }
  assert(found.length > 0);
  return found;
}

/** Runs the task as a process with a base binary in place of Deno's. */
async function runTask(args: string[], base: string, folder: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", TASK, ...args],
    cwd: folder,
    env: { DENORT_BIN: base, NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, printed: decoder.decode(stdout) + decoder.decode(stderr) };
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "a compiled program holds every module and package that main.ts and its threads need",
  ignore: !elf,
  fn: () =>
    inFolder(async (folder) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: compileArguments(Deno.build.target, folder),
        env: { DENORT_BIN: "/bin/sh", NO_COLOR: "1" },
      }).output();
      const decoder = new TextDecoder();
      const printed = decoder.decode(stdout) + decoder.decode(stderr);
      assert.equal(code, 0, printed);
      const embedded = embeddedFiles(printed);
      for (const root of ["main.ts", ...await threadsOf(ROOT)]) {
        const { own, packages } = await neededFiles(root);
        assert(own.includes(root) && own.length > 5 && packages.length > 0);
        assert.deepEqual(own.filter((file) => !isEmbedded(file, embedded)), []);
        const missing = packages.filter((one) => !isEmbedded(PACKAGES + one, embedded));
        assert.deepEqual(missing, []);
      }
      const program = join(folder, programName(Deno.build.target));
      assert((await Deno.stat(program)).size > (await Deno.stat("/bin/sh")).size);
    }),
});

Deno.test("what is not embedded is noticed", () => {
  const embedded = embeddedFiles(`Embedded Files

out
├─┬ .deno_compile_node_modules (1MB - 1MB unique)
│ └─┬ localhost (1MB - 1MB unique)
│   ├── @logtape/logtape/* (1.14MB - 1.14MB unique)
│   └─┬ tslib (125.06KB - 124.24KB unique)
│     └── 2.9.1/* (91.25KB - 90.49KB unique)
├── cli/* (9.5KB)
├── lib/base/errors.ts (5.5KB)
└── main.ts (579B)

Files: 15.46MB`);
  for (const file of ["cli/cli.ts", "lib/base/errors.ts", "main.ts"]) {
    assert(isEmbedded(file, embedded), file);
  }
  for (const file of ["lib/base/log.ts", "clio/x.ts", "main.tsx", "deno.json"]) {
    assert(!isEmbedded(file, embedded), file);
  }
  assert(isEmbedded(`${PACKAGES}@logtape/logtape/2.4.2`, embedded));
  assert(isEmbedded(`${PACKAGES}tslib/2.9.1`, embedded));
  assert(!isEmbedded(`${PACKAGES}tslib/1.14.1`, embedded));
  assert(!isEmbedded(`${PACKAGES}zod/4.6.7`, embedded));
});

Deno.test("five platforms have programs, and only Windows's ends in .exe", () => {
  assert.deepEqual(TARGETS.map(programName), [
    "ciphermq-x86_64-unknown-linux-gnu",
    "ciphermq-aarch64-unknown-linux-gnu",
    "ciphermq-x86_64-apple-darwin",
    "ciphermq-aarch64-apple-darwin",
    "ciphermq-x86_64-pc-windows-msvc.exe",
  ]);
});

Deno.test("a program may use network and files, but start no process and read no foreign variable", () => {
  const args = compileArguments("x86_64-apple-darwin", "dist");
  assert(["--allow-net", "--allow-read", "--allow-write"].every((flag) => args.includes(flag)));
  assert(args.includes("--no-prompt") && args.includes("--ignore-env"));
  assert(!args.some((arg) => /^(?:-A|--allow-(?:all|run|ffi|sys|import|env))$/.test(arg)));
});

Deno.test("a base binary that cannot be had is explained, with DENORT_BIN and an exit code", () =>
  inFolder(async (folder) => {
    const { code, printed } = await runTask([], join(folder, "no-such-denort"), folder);
    assert.equal(code, 1, printed);
    assert.match(
      printed,
      /^error: cannot make ciphermq-.*base binary \(denort\) cannot be fetched/m,
    );
    assert.match(printed, /^hint: set DENORT_BIN to the denort of Deno \d/m);
    assert.deepEqual([...Deno.readDirSync(join(folder, "dist"))], []);
  }));

Deno.test("Deno's download host out of reach is explained so, and no other failure is", () => {
  const said = "Caused by:\n    0: Setting up base binary.\n    1: error sending request for url";
  assert.match(explainFailure("x86_64-apple-darwin", said), /DENORT_BIN/);
  const other = explainFailure("x86_64-apple-darwin", "error: The lockfile is out of date");
  assert.equal(other, "error: cannot make ciphermq-x86_64-apple-darwin: deno compile failed\n");
});

Deno.test("one base binary is not for all platforms, and unknown arguments are refused", () =>
  inFolder(async (folder) => {
    assert.equal((await runTask(["--all"], "/bin/sh", folder)).code, 2);
    const { code, printed } = await runTask(["--everything"], "/bin/sh", folder);
    assert.equal(code, 2);
    assert.match(printed, /usage: deno task compile \[--all\]/);
  }));

Deno.test({
  name: "the sums of the programs are written as sha256sum reads them",
  ignore: !elf,
  fn: () =>
    inFolder(async (folder) => {
      const { code, printed } = await runTask([], "/bin/sh", folder);
      assert.equal(code, 0, printed);
      const name = programName(Deno.build.target);
      const program = await Deno.readFile(join(folder, "dist", name));
      const sum = createHash("sha256").update(program).digest("hex");
      const sums = await Deno.readTextFile(join(folder, "dist", "SHA256SUMS"));
      assert.equal(sums, `${sum}  ${name}\n`);
    }),
});
