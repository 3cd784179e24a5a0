/**
 * Rows of words as lines with columns.
 *
 * @module
 */

/** Lines with `rows` in columns as wide as their widest word; numbers stand right. */
export function tableLines(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) {
      widths[at] = Math.max(widths[at] ?? 0, String(cell).length);
    }
  }
  return rows.map((row) => row.map((cell, at) => pad(cell, widths[at]!)).join("  ").trimEnd());
}

function pad(cell: string | number, width: number): string {
  return typeof cell === "number" ? String(cell).padStart(width) : cell.padEnd(width);
}
