/**
 * Makes a file of JSON lines end where a line ends, after whoever wrote it was interrupted.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import fs from "node:fs";

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 10;

/** The bytes from `start` to `end`, or to the end of the file. */
export function readBytes(fd: number, start: number, end: number): Buffer {
  const size = Math.max(Math.min(end, fs.fstatSync(fd).size) - start, 0);
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size;) {
    const read = fs.readSync(fd, bytes, at, size - at, start + at);
    if (read === 0) return bytes.subarray(0, at);
    at += read;
  }
  return bytes;
}

/**
 * Repairs the end of the file and gives its size. A last line that is whole gets its line end; a
 * torn one is cut off. With `from`, where a line begins, the file is cut at the first line after it
 * that is not JSON: after a loss of power there may be more than one, and holes.
 */
export function repairLines(fd: number, from?: number): number {
  const { size } = fs.fstatSync(fd);
  const start = from ?? lastLineStart(fd, size);
  const bytes = readBytes(fd, start, size);
  let good = 0;
  for (;;) {
    const newline = bytes.indexOf(NEWLINE, good);
    if (newline === -1) break;
    if (!isJson(bytes.subarray(good, newline))) return cut(fd, start + good);
    good = newline + 1;
  }
  if (good === bytes.length) return size;
  if (!isJson(bytes.subarray(good))) return cut(fd, start + good);
  fs.writeSync(fd, Buffer.from("\n"), 0, 1, size);
  fs.fsyncSync(fd);
  return size + 1;
}

function lastLineStart(fd: number, size: number): number {
  for (let end = size; end > 0;) {
    const start = Math.max(end - CHUNK_BYTES, 0);
    const newline = readBytes(fd, start, end).lastIndexOf(NEWLINE);
    if (newline !== -1) return start + newline + 1;
    end = start;
  }
  return 0;
}

function cut(fd: number, size: number): number {
  fs.ftruncateSync(fd, size);
  fs.fsyncSync(fd);
  return size;
}

function isJson(line: Uint8Array): boolean {
  try {
    // Not `fromUtf8`: a byte order mark, which an editor may have put there, is no reason to cut a line.
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(line));
    return true;
  } catch {
    return false;
  }
}
