export type Cell = string | number | boolean | null | undefined;
/** A row of data, as figures and tables share it. */
export type Row = Readonly<Record<string, Cell>>;

/** Rows as comma-separated values with a header (RFC 4180). @param columns by default all keys, in the order first met */
export function csv(
  rows: readonly Row[],
  columns: readonly string[] = [...new Set(rows.flatMap((row) => Object.keys(row)))],
): string {
  const line = (cells: readonly Cell[]) => cells.map(quoted).join(',');
  return `${[line(columns), ...rows.map((row) => line(columns.map((c) => row[c])))].join('\r\n')}\r\n`;
}

function quoted(cell: Cell): string {
  const text = cell === null || cell === undefined ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
