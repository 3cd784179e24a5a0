/**
 * What a process did to the files of a folder, and what it printed meanwhile, as strace saw it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { basename, dirname } from "node:path";

/** One thing that a process did. Names are those of files in the folder. */
export type DiskStep =
  | { readonly kind: "write"; readonly name: string; readonly at: number; readonly data: Buffer }
  | { readonly kind: "truncate"; readonly name: string; readonly size: number }
  | { readonly kind: "sync"; readonly name: string }
  | { readonly kind: "create"; readonly name: string }
  | { readonly kind: "unlink"; readonly name: string }
  | { readonly kind: "sync_folder" }
  | { readonly kind: "print"; readonly text: string };

const CALLS = "openat,open,creat,pwrite64,write,fsync,fdatasync,ftruncate,unlink,unlinkat,rename";
/** More than SQLite ever writes at once. */
const MOST_BYTES = 200_000;

/** Runs a command whose main thread works on files in `folder`, and gives what it did. */
export async function recordDisk(command: readonly string[], folder: string): Promise<DiskStep[]> {
  const file = await Deno.makeTempFile();
  try {
    const strace = ["-qq", "-y", "-xx", "-s", `${MOST_BYTES}`, "-o", file, "-e", `trace=${CALLS}`];
    const { success, stderr } = await new Deno.Command("strace", {
      args: [...strace, ...command],
      stdout: "null",
      stderr: "piped",
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const lines = Deno.readTextFileSync(file).split("\n");
    return lines.flatMap((line) => stepOf(line, folder) ?? []);
  } finally {
    Deno.removeSync(file);
  }
}

/** What a line of the trace says; nothing if it is about something else or failed. */
function stepOf(line: string, folder: string): DiskStep | undefined {
  const call = /^(\w+)\((.*)\)\s+= (\d+)/.exec(line);
  if (call === null) return undefined;
  const [, name, text, result] = call as unknown as [string, string, string, string];
  if (name.startsWith("open")) return created(text, folder);
  if (name === "unlink") return unlinked(text, folder);
  const path = /^\d+<((?:\\x..)+)>/.exec(text)?.[1];
  if (path === undefined) return undefined;
  const file = unescape(path).toString();
  if (name === "write" && text.startsWith("1<")) {
    return { kind: "print", text: dataOf(text, result).toString() };
  }
  if (file === folder && name.endsWith("sync")) return { kind: "sync_folder" };
  if (dirname(file) !== folder) return undefined;
  return changed(name, basename(file), text, result);
}

function changed(call: string, name: string, text: string, result: string): DiskStep {
  const last = Number(/(\d+)$/.exec(text)?.[1]);
  if (call === "pwrite64") return { kind: "write", name, at: last, data: dataOf(text, result) };
  if (call === "ftruncate") return { kind: "truncate", name, size: last };
  if (call.endsWith("sync")) return { kind: "sync", name };
  throw new Error(`${call} of ${name} is not understood`);
}

function created(text: string, folder: string): DiskStep | undefined {
  const [, path, flags] = /"((?:\\x..)+)", ([A-Z_|]+)/.exec(text) ?? [];
  if (path === undefined || !flags!.includes("O_CREAT")) return undefined;
  const file = unescape(path).toString();
  if (dirname(file) !== folder) return undefined;
  return { kind: "create", name: basename(file) };
}

function unlinked(text: string, folder: string): DiskStep | undefined {
  const file = unescape(/"((?:\\x..)+)"/.exec(text)![1]!).toString();
  return dirname(file) === folder ? { kind: "unlink", name: basename(file) } : undefined;
}

function dataOf(text: string, length: string): Buffer {
  const data = unescape(/"((?:\\x..)*)"/.exec(text)![1]!);
  assert.equal(data.length, Number(length), "all that was written is in the trace");
  return data;
}

function unescape(text: string): Buffer {
  return Buffer.from(text.replaceAll("\\x", ""), "hex");
}
