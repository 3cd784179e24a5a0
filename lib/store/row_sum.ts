/**
 * Checksums of rows: SQLite finds damage to its own structure, but not a flipped bit in what a row
 * says. CRC-32 finds every run of damage up to 32 bits, and of others all but one in 4 billion.
 *
 * @module
 */
import { crc32 } from "node:zlib";

/** A row says something else than what was written. */
export class RowDamage extends Error {
  /** Damage in a row of `table`. */
  constructor(table: string) {
    super(`a row of the table ${table} is not what was written`);
    this.name = "RowDamage";
  }
}

/** The checksum of a row's other columns. */
export function rowSum(...columns: readonly (string | number)[]): number {
  return crc32(columns.join("\0"));
}

/** The checksum of a row of bodies, bound to the row's id. */
export function bodySum(id: number, data: Uint8Array): number {
  return crc32(data, id >>> 0);
}

/** Throws {@linkcode RowDamage} unless a row has the checksum that it should. */
export function requireSum(table: string, stored: unknown, expected: number): void {
  if (stored !== expected) throw new RowDamage(table);
}
