/**
 * Who imports whom, as `deno info --json` says it, and the project's rules about that.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** One import between two files of the project; paths from its root, such as `lib/core/queue.ts`. */
export interface Import {
  readonly from: string;
  readonly to: string;
  /** Whether only types are imported. */
  readonly types: boolean;
}

/** Which folders of lib (and cli) a folder may import besides itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "lib/base": [],
  "lib/core": ["lib/base"],
  "lib/wire": ["lib/base"],
  "lib/guard": ["lib/base"],
  "lib/crypto": ["lib/base"],
  "lib/pki": ["lib/base"],
  "lib/session": ["lib/core", "lib/wire", "lib/guard", "lib/base"],
  "lib/store": ["lib/core", "lib/base"],
  "lib/server": [
    "lib/session",
    "lib/core",
    "lib/wire",
    "lib/guard",
    "lib/store",
    "lib/pki",
    "lib/base",
  ],
  "lib/admin": ["lib/core", "lib/base"],
  "lib/client": ["lib/wire", "lib/crypto", "lib/pki", "lib/base"],
  "cli": ["lib/server", "lib/client", "lib/admin", "lib/crypto", "lib/pki", "lib/base"],
};

/** The folder whose rules a file follows: `lib/<folder>` or `cli`; none for what lies elsewhere. */
export function folderOf(file: string): string | undefined {
  return /^(lib\/[^/]+|cli)\//.exec(file)?.[1];
}

/** The imports that the table of folders does not allow. */
export function forbiddenImports(imports: readonly Import[]): string[] {
  return imports.filter((one) => !isAllowed(one)).map(({ from, to }) => `${from} imports ${to}`);
}

function isAllowed({ from, to, types }: Import): boolean {
  const [source, target] = [folderOf(from), folderOf(to)];
  if (source === undefined) return !from.startsWith("lib/") && !from.startsWith("cli/");
  if (target === undefined) return source === "cli" && to === "deno.json";
  if (source === target) return true;
  if (source === "lib/store" && target === "lib/core") return types;
  if (source === "lib/admin" && target === "lib/core") return to === "lib/core/stats.ts";
  return ALLOWED[source]?.includes(target) ?? false;
}

/** Every file that is reached from `root`, itself included. */
export function reachable(imports: readonly Import[], root: string): Set<string> {
  const found = new Set([root]);
  // A set gives what is added while it is walked, too.
  for (const file of found) {
    for (const { from, to } of imports) if (from === file) found.add(to);
  }
  return found;
}

interface Dependency {
  readonly code?: { readonly specifier: string };
  readonly type?: { readonly specifier: string };
}

interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly Dependency[];
  }[];
}

/** Reads the imports between the project's files that are reached from `files`. */
export async function readImports(root: URL, files: readonly string[]): Promise<Import[]> {
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    const lines = files.map((file) => `import ${JSON.stringify(new URL(file, root).href)};\n`);
    await Deno.writeTextFile(entry, lines.join(""));
    const info = await denoInfo(root, entry);
    return info.modules.flatMap((module) => importsOf(module, root));
  } finally {
    await Deno.remove(entry);
  }
}

async function denoInfo(root: URL, entry: string): Promise<Info> {
  const config = fileURLToPath(new URL("deno.json", root));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--config", config, entry],
  }).output();
  if (code !== 0) throw new Error(`deno info failed: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function importsOf(module: Info["modules"][number], root: URL): Import[] {
  if (!module.specifier.startsWith(root.href)) return [];
  const from = module.specifier.slice(root.href.length);
  return (module.dependencies ?? []).flatMap(({ code, type }) => {
    const target = code ?? type;
    if (target === undefined || !target.specifier.startsWith(root.href)) return [];
    return [{ from, to: target.specifier.slice(root.href.length), types: code === undefined }];
  });
}
