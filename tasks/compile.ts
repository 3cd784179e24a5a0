/**
 * `deno task compile [--all]`: makes `dist/ciphermq-<target>`, a program that needs no Deno, for this
 * platform or for all five, and `dist/SHA256SUMS`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PERMISSION_FLAGS } from "../cli/permissions.ts";

/** The platforms that a release has programs for. */
export const TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

/** What runs on a thread of its own: no import leads there. */
export const THREADS: readonly string[] = ["lib/store/database_worker.ts"];

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The name of the program for one target. */
export function programName(target: string): string {
  return `ciphermq-${target}${target.includes("windows") ? ".exe" : ""}`;
}

/** The arguments of Deno that make the program for one target in `folder`. */
export function compileArguments(target: string, folder: string): string[] {
  const output = join(folder, programName(target));
  const what = ["--frozen", "--exclude-unused-npm", "--target", target, "--output", output];
  const threads = THREADS.flatMap((file) => ["--include", join(ROOT, file)]);
  return ["compile", ...PERMISSION_FLAGS, ...what, ...threads, join(ROOT, "main.ts")];
}

/** What to tell when Deno could not make a program, from what it said itself. */
export function explainFailure(target: string, said: string): string {
  const base = /base binary|denort/i.test(said);
  const why = base
    ? "Deno's base binary (denort) cannot be fetched or read"
    : "deno compile failed";
  const hint = base
    ? `hint: set DENORT_BIN to the denort of Deno ${Deno.version.deno} for this target, or compile where its download host can be reached\n`
    : "";
  return `error: cannot make ${programName(target)}: ${why}\n${hint}`;
}

/** Makes the programs in `folder`, and gives the exit code: 0, 1 when one failed, 2 for bad usage. */
async function compile(args: readonly string[], folder: string): Promise<number> {
  const all = args.includes("--all");
  if (args.some((arg) => arg !== "--all")) return refuse("usage: deno task compile [--all]");
  if (all && Deno.env.has("DENORT_BIN")) {
    return refuse("error: DENORT_BIN is one platform's base binary: it cannot be used with --all");
  }
  const targets = all ? TARGETS : [Deno.build.target];
  await Deno.mkdir(folder, { recursive: true });
  let failed = 0;
  for (const target of targets) if (!await compileOne(target, folder)) failed++;
  if (failed > 0) return 1;
  await Deno.writeTextFile(join(folder, "SHA256SUMS"), await checksums(folder));
  return 0;
}

function refuse(text: string): number {
  console.error(text);
  return 2;
}

async function compileOne(target: string, folder: string): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args: compileArguments(target, folder),
    stdin: "null",
    stdout: "inherit",
    stderr: "piped",
  }).spawn();
  const said: Uint8Array[] = [];
  for await (const chunk of child.stderr) {
    said.push(chunk);
    await Deno.stderr.write(chunk);
  }
  const { success } = await child.status;
  if (success) return true;
  const text = new TextDecoder().decode(Buffer.concat(said));
  await Deno.stderr.write(new TextEncoder().encode(explainFailure(target, text)));
  return false;
}

/** The sums of the programs in `folder`, as `sha256sum --check` reads them. */
async function checksums(folder: string): Promise<string> {
  const names = [...Deno.readDirSync(folder)].map((entry) => entry.name)
    .filter((name) => name.startsWith("ciphermq-")).toSorted();
  const lines = names.map(async (name) => {
    const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(join(folder, name)));
    return `${new Uint8Array(digest).toHex()}  ${name}\n`;
  });
  return (await Promise.all(lines)).join("");
}

if (import.meta.main) Deno.exit(await compile(Deno.args, "dist"));
