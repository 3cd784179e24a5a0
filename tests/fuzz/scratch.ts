/**
 * Files for parts of the program that take a path.
 *
 * @module
 */

/** A folder that is removed when the process ends; made when a file is first written. */
let folder: string | undefined;
const written = new Map<string, Uint8Array | string>();

/** Writes a file that only its owner can read, unless it has just that content, and gives its path. */
export function scratchFile(name: string, content: Uint8Array | string): string {
  if (folder === undefined) {
    folder = Deno.makeTempDirSync({ prefix: "ciphermq-fuzz-" });
    addEventListener("unload", () => Deno.removeSync(folder!, { recursive: true }));
  }
  const path = `${folder}/${name}`;
  if (written.get(name) === content) return path;
  written.set(name, content);
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  Deno.writeFileSync(path, bytes, { mode: 0o600 });
  return path;
}
