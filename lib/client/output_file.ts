/**
 * A file with one line per message, each message once, whatever crashes when.
 *
 * For every batch: (1) the inbox remembers its messages and where their lines will be, durably; (2)
 * the lines are appended and synced; (3) the caller acknowledges. A crash before 1 leaves no trace.
 * A crash between 1 and 2 leaves messages remembered whose lines are missing or torn: at the next
 * start each line is looked for, torn ones are cut off, and messages without a line are forgotten, so
 * that they are taken when they come again. After 2 all lines are found, and a message that comes
 * again is known.
 *
 * The file may have been there before, without an inbox: its lines stay. It may be rotated or
 * removed while it is written: the next batch goes to a new file at its path. If it was exchanged
 * while nobody wrote, the lines of the last batch cannot be looked for; its messages are written
 * again if they come again, because a line in each of two files is better than none.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import fs from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { type Clock, systemClock } from "../base/clock.ts";
import { CipherMqError } from "../base/errors.ts";
import { systemError } from "../base/system_error.ts";
import { DurableInbox, type DurableInboxOptions, type PlacedBatch } from "./durable_inbox.ts";
import { syncFolder } from "./folder_sync.ts";
import { readBytes, repairLines } from "./line_repair.ts";
import type { MessageSink, OpenedMessage } from "./sink.ts";

/** How an output file is kept. */
export interface OutputFileOptions extends DurableInboxOptions {
  /** The inbox. Default: the output's path with `.inbox.db` appended. */
  readonly inboxPath?: string;
  /** Where the timestamps come from. Default: the machine. */
  readonly clock?: Clock;
}

/** Batches looked at after a crash: only the last can be incomplete, unless somebody cut the file. */
const LOOK_BACK = 64;
const LENGTH_BYTES = 4;
const NEWLINE = 10;
/** A length and a CRC-32, which tells a line that was torn or left out; nobody here lies. */
const PLACE_BYTES = LENGTH_BYTES + 4;

/** The file a receiver writes to. */
export class OutputFile implements MessageSink {
  readonly #path: string;
  readonly #inbox: DurableInbox;
  readonly #clock: Clock;
  #fd: number;
  #id: string;
  #size = 0;

  /** Opens or makes the file and its inbox, and mends what a crash left. Throws `storage` or `conflict`. */
  constructor(path: string, options: OutputFileOptions = {}) {
    this.#path = path;
    this.#clock = options.clock ?? systemClock;
    this.#inbox = new DurableInbox(options.inboxPath ?? `${path}.inbox.db`, options);
    try {
      [this.#fd, this.#id] = openFile(path);
      try {
        this.#recover();
      } catch (error) {
        fs.closeSync(this.#fd);
        throw error;
      }
    } catch (cause) {
      this.#inbox.close();
      throw fileError("open", path, cause);
    }
  }

  /** Whether the message has its line. */
  has(key: string): boolean {
    return this.#inbox.has(key);
  }

  /** Writes a line for each message; all are on disk when it returns. Throws `storage`. */
  accept(messages: readonly OpenedMessage[]): void {
    const { wallMs } = this.#clock.now();
    const lines = Buffer.from(messages.map((message) => outputLine(message, wallMs)).join(""));
    try {
      this.#follow();
      const placement = { file: this.#id, start: this.#size, lines: placesOf(lines) };
      this.#inbox.add(messages.map((message) => message.key), wallMs, placement);
      this.#append(lines);
    } catch (cause) {
      throw fileError("write", this.#path, cause);
    }
  }

  /** Closes the file and its inbox. */
  close(): void {
    fs.closeSync(this.#fd);
    this.#inbox.close();
  }

  /** Notices that somebody moved, removed or changed the file. */
  #follow(): void {
    const there = fs.statSync(this.#path, { throwIfNoEntry: false });
    if (there === undefined || fileId(there) !== this.#id) {
      fs.closeSync(this.#fd);
      [this.#fd, this.#id] = openFile(this.#path);
      this.#size = repairLines(this.#fd);
    } else if (there.size !== this.#size) this.#size = repairLines(this.#fd);
  }

  #append(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) at += fs.writeSync(this.#fd, bytes, at);
    fs.fdatasyncSync(this.#fd);
    this.#size += bytes.length;
  }

  #recover(): void {
    const doubtful = this.#doubtful();
    this.#size = repairLines(this.#fd, this.#firstDoubt(doubtful));
    for (const batch of doubtful) this.#inbox.rollBack(batch, this.#written(batch));
  }

  /** Where the lines begin that this program, and nobody after it, wrote and did not finish. */
  #firstDoubt(doubtful: readonly PlacedBatch[]): number | undefined {
    const newest = doubtful[0];
    if (newest === undefined || newest.file !== this.#id) return undefined;
    const { size } = fs.fstatSync(this.#fd);
    const { start } = doubtful.at(-1)!;
    if (start >= size || size > endOf(newest)) return undefined;
    const atLineStart = start === 0 || readBytes(this.#fd, start - 1, start)[0] === NEWLINE;
    return atLineStart ? start : undefined;
  }

  /** The batches that do not have all their lines in the file, newest first. */
  #doubtful(): PlacedBatch[] {
    const doubtful: PlacedBatch[] = [];
    for (const batch of this.#inbox.newestPlaced(LOOK_BACK)) {
      if (this.#written(batch).size === batch.keys.length) break;
      doubtful.push(batch);
      // In another file all but the last batch had been synced.
      if (batch.file !== this.#id) break;
    }
    return doubtful;
  }

  /** The messages of a batch whose lines are where they should be. */
  #written(batch: PlacedBatch): Set<string> {
    const written = new Set<string>();
    if (batch.file !== this.#id) return written;
    const places = Buffer.from(batch.lines);
    const content = readBytes(this.#fd, batch.start, endOf(batch));
    let start = 0;
    for (const [at, key] of batch.keys.entries()) {
      const end = start + places.readUInt32LE(at * PLACE_BYTES);
      const checksum = places.readUInt32LE(at * PLACE_BYTES + LENGTH_BYTES);
      const line = content.subarray(start, end);
      if (end <= content.length && crc32(line) === checksum) written.add(key);
      start = end;
    }
    return written;
  }
}

/** The JSON line of a message, line end included; `wallMs` is when it was received. */
export function outputLine(message: OpenedMessage, wallMs: number): string {
  const line = { message_id: message.id, message: message.text, timestamp: wallMs / 1000 };
  return JSON.stringify(line) + "\n";
}

/** Length and checksum of each line. */
function placesOf(lines: Buffer): Buffer {
  const places: number[] = [];
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf(NEWLINE, start) + 1;
    places.push(end - start, crc32(lines.subarray(start, end)));
    start = end;
  }
  const bytes = Buffer.alloc(places.length * LENGTH_BYTES);
  for (const [at, place] of places.entries()) bytes.writeUInt32LE(place, at * LENGTH_BYTES);
  return bytes;
}

function endOf(batch: PlacedBatch): number {
  const places = Buffer.from(batch.lines);
  let end = batch.start;
  for (let at = 0; at < places.length; at += PLACE_BYTES) end += places.readUInt32LE(at);
  return end;
}

function fileId(stat: fs.Stats): string {
  return `${stat.dev}:${stat.ino}`;
}

function openFile(path: string): [fd: number, id: string] {
  fs.mkdirSync(dirname(path), { recursive: true });
  const { O_RDWR, O_APPEND, O_CREAT } = fs.constants;
  const fd = fs.openSync(path, O_RDWR | O_APPEND | O_CREAT, 0o600);
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile()) {
      throw new CipherMqError("usage", `cannot write to ${path}: it is not a regular file`, {
        hint: "to pipe messages on, write them to stdout with --output -",
      });
    }
    syncFolder(dirname(path));
    return [fd, fileId(stat)];
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

function fileError(verb: "open" | "write", path: string, cause: unknown): CipherMqError {
  return systemError("storage", `cannot ${verb} the output file ${path}`, cause);
}
