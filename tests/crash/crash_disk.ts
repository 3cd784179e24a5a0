/**
 * A disk that forgets what was not synced: it takes the steps of a recording and gives the files that
 * a power cut could have left at that point.
 *
 * @module
 */
import type { Random } from "../fuzz/random.ts";
import type { DiskStep } from "./disk_trace.ts";

const SECTOR_BYTES = 512;

type Write = Extract<DiskStep, { kind: "write" | "truncate" }>;

/** A file, whatever its name: what is on the disk for sure, and what was done to it since. */
class Inode {
  readonly synced = new Content();
  unsynced: Write[] = [];

  sync(): void {
    for (const step of this.unsynced) applyWhole(this.synced, step);
    this.unsynced = [];
  }
}

/** Bytes that grow. */
class Content {
  #bytes = new Uint8Array(0);
  #size = 0;

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#size);
  }

  copy(): Content {
    const copy = new Content();
    copy.#bytes = this.bytes.slice();
    copy.#size = this.#size;
    return copy;
  }

  write(at: number, data: Uint8Array): void {
    const end = at + data.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(data, at);
    this.#size = Math.max(this.#size, end);
  }

  truncate(size: number): void {
    if (size > this.#size) return this.write(size - 1, new Uint8Array(1));
    this.#bytes.fill(0, size, this.#size);
    this.#size = size;
  }
}

/** The files of one folder. */
export class CrashDisk {
  /** Names as the running process sees them. */
  readonly #names = new Map<string, Inode>();
  /** Names that are on the disk for sure. */
  readonly #syncedNames = new Map<string, Inode>();
  /** Changes of names since, which reach the disk in their order. */
  #unsyncedNames: { readonly name: string; readonly inode: Inode | undefined }[] = [];

  /** Does what the process did. */
  take(step: DiskStep): void {
    if (step.kind === "print") return;
    if (step.kind === "sync_folder") return this.#syncNames();
    if (step.kind === "unlink") return this.#rename(step.name, undefined);
    const inode = this.#names.get(step.name);
    if (step.kind === "create") {
      if (inode === undefined) this.#rename(step.name, new Inode());
    } else if (step.kind === "sync") inode!.sync();
    else inode!.unsynced.push(step);
  }

  /** Files that a power cut may leave now, by their names. */
  crash(random: Random): Map<string, Uint8Array<ArrayBuffer>> {
    const names = new Map(this.#syncedNames);
    const kept = this.#unsyncedNames.slice(0, random.below(this.#unsyncedNames.length + 1));
    for (const { name, inode } of kept) setName(names, name, inode);
    const files = [...names].map(([name, inode]) => [name, crashed(inode, random)] as const);
    return new Map(files);
  }

  #rename(name: string, inode: Inode | undefined): void {
    setName(this.#names, name, inode);
    this.#unsyncedNames.push({ name, inode });
  }

  #syncNames(): void {
    for (const { name, inode } of this.#unsyncedNames) setName(this.#syncedNames, name, inode);
    this.#unsyncedNames = [];
  }
}

function setName(names: Map<string, Inode>, name: string, inode: Inode | undefined): void {
  if (inode === undefined) names.delete(name);
  else names.set(name, inode);
}

/** What of the unsynced steps reached the disk: none, all, the first ones, or any sectors of any. */
function crashed({ synced, unsynced }: Inode, random: Random): Uint8Array<ArrayBuffer> {
  const content = synced.copy();
  const way = random.below(5);
  if (way === 0) return content.bytes;
  const perMille = way === 1 ? 1_000 : way === 2 ? 500 : random.below(1_000);
  const first = way === 4 ? random.below(unsynced.length + 1) : 0;
  for (const step of unsynced.slice(0, first)) applyWhole(content, step);
  for (const step of unsynced.slice(first)) {
    applySome(content, step, () => random.below(1_000) < perMille);
  }
  return content.bytes;
}

function applyWhole(content: Content, step: Write): void {
  if (step.kind === "truncate") content.truncate(step.size);
  else content.write(step.at, step.data);
}

function applySome(content: Content, step: Write, isKept: () => boolean): void {
  if (step.kind === "truncate") {
    if (isKept()) content.truncate(step.size);
    return;
  }
  const { at, data } = step;
  for (let from = 0; from < data.length;) {
    // Sectors are those of the disk, not of the write.
    const to = Math.min(data.length, from + SECTOR_BYTES - (at + from) % SECTOR_BYTES);
    if (isKept()) content.write(at + from, data.subarray(from, to));
    from = to;
  }
}
