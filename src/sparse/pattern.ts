import type { Device } from '../gpu/device.js';
import { ArgumentError, DisposedError } from '../gpu/errors.js';
import { keep, scope } from '../tensor/scope.js';
import { type Tensor, tensor } from '../tensor/tensor.js';

/** The entries of a pattern line by line, lines being its rows or its columns. All tensors are u32. */
export interface Lines {
  /** Lines of one part. */
  readonly count: number;
  /** Entries of the longest line. */
  readonly longest: number;
  /** Position of each line's first entry, and the number of entries: [parts * count + 1]. */
  readonly starts: Tensor;
  /** Coordinate along the line of each entry, ascending within a line: [nnz]. */
  readonly across: Tensor;
  /** Line of each entry within its part: [nnz]. */
  readonly lineOf: Tensor;
  /** The lines of each part from the longest to the shortest, equals in order; counted over all parts: [parts * count]. */
  readonly order: Tensor;
  /** Where each entry's value lies among the values, which are stored by row; null where that is its own position. */
  readonly entries: Tensor | null;
}

/** The arrays of one direction on the host. */
export interface HostLines {
  longest: number;
  starts: Uint32Array;
  across: Uint32Array;
  lineOf: Uint32Array;
  order: Uint32Array;
  entries: Uint32Array | null;
}

/**
 * Where the nonzeros of a sparse matrix [rows, cols] are: compressed by row (CSR) and, for products with the transpose,
 * by column. Immutable; values live apart, [nnz] in row order, so that they are an ordinary differentiable tensor.
 *
 * A pattern of several parts stands for as many matrices of one shape, each with its own entries, stored one after the
 * other: a population of differently masked layers.
 *
 * Belongs to whoever made it, not to a scope: dispose it, or declare it with `using`.
 */
export class Pattern {
  readonly device: Device;
  private gone = false;
  private readonly made = new Map<string, readonly Tensor[]>();

  /** Use `csrPattern` or `patternOf`; this adopts tensors that are already right. */
  constructor(
    readonly parts: number,
    readonly rows: number,
    readonly cols: number,
    readonly nnz: number,
    readonly byRow: Lines,
    readonly byColumn: Lines,
  ) {
    this.device = byRow.starts.device;
    for (const t of this.tensors()) keep(t);
  }

  /** Share of entries that are stored. 0 for an empty matrix. */
  get density(): number {
    const size = this.parts * this.rows * this.cols;
    return size === 0 ? 0 : this.nnz / size;
  }
  get isDisposed(): boolean {
    return this.gone;
  }
  /** Bytes of the index arrays, and of what else was made of them. */
  get bytes(): number {
    return this.tensors().reduce((sum, t) => sum + t.bytes, 0);
  }

  /** @throws DisposedError once the pattern has been disposed */
  assertLive(op: string): void {
    if (this.gone) throw new DisposedError(op, String(this));
  }

  /**
   * Tensors that follow from the pattern alone: made once for each key, and freed with the pattern. While a step is being
   * captured they are made for that step, which could not replay what outlives it.
   */
  derived<T extends readonly Tensor[]>(key: string, make: () => T): T {
    const known = this.made.get(key);
    if (known) return known as T;
    const tensors = make();
    if (!this.device.stream.recorder) {
      for (const t of tensors) keep(t);
      this.made.set(key, tensors);
    }
    return tensors;
  }

  dispose(): void {
    if (this.gone) return;
    this.gone = true;
    for (const t of this.tensors()) t.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    const parts = this.parts === 1 ? '' : `${this.parts} x `;
    return `pattern ${parts}[${this.rows}, ${this.cols}] with ${this.nnz} entries`;
  }

  private tensors(): Tensor[] {
    const lines = [this.byRow, this.byColumn].flatMap((l) => [
      l.starts,
      l.across,
      l.lineOf,
      l.order,
      ...(l.entries ? [l.entries] : []),
    ]);
    return [...lines, ...[...this.made.values()].flat()];
  }
}

/** Compressed rows on the host: one part, or several of one shape behind each other. */
export interface HostCsr {
  rows: number;
  cols: number;
  /** Number of matrices; 1 if left out. */
  parts?: number;
  /** [parts * rows + 1], from 0 to the number of entries, never falling. */
  offsets: ArrayLike<number>;
  /** [nnz], ascending within a row. */
  columns: ArrayLike<number>;
}

/**
 * A pattern from compressed rows on the host.
 *
 * @throws ArgumentError for offsets that fall or do not span the columns, a column out of range, or columns that are
 * unsorted or double within a row; nothing is allocated then
 */
export function csrPattern(device: Device, csr: HostCsr): Pattern {
  checkCsr('csrPattern', csr);
  const parts = csr.parts ?? 1;
  const { byRow, byColumn } = hostLines(csr);
  return scope(
    () =>
      new Pattern(
        parts,
        csr.rows,
        csr.cols,
        csr.columns.length,
        uploadLines(device, byRow, csr.rows),
        uploadLines(device, byColumn, csr.cols),
      ),
  );
}

/** Host arrays of one direction, with `count` lines a part, on the device. */
export function uploadLines(device: Device, lines: HostLines, count: number): Lines {
  const put = (values: Uint32Array) => tensor(device, values, { dtype: 'u32' });
  return {
    count,
    longest: lines.longest,
    starts: put(lines.starts),
    across: put(lines.across),
    lineOf: put(lines.lineOf),
    order: put(lines.order),
    entries: lines.entries && put(lines.entries),
  };
}

/** @throws ArgumentError naming the first thing that is wrong with the arrays */
export function checkCsr(op: string, { rows, cols, parts = 1, offsets, columns }: HostCsr): void {
  const whole = (what: string, n: number) => {
    if (!Number.isInteger(n) || n < 0 || n > 0xffffffff)
      throw new ArgumentError(op, `${what} as a whole number`, String(n));
  };
  whole('rows', rows);
  whole('cols', cols);
  whole('parts', parts);
  const lines = parts * rows;
  if (offsets.length !== lines + 1) throw new ArgumentError(op, `${lines + 1} offsets`, `${offsets.length}`);
  if (offsets[0] !== 0 || offsets[lines] !== columns.length) {
    throw new ArgumentError(op, `offsets from 0 to ${columns.length}`, `${offsets[0]} to ${offsets[lines]}`);
  }
  for (let r = 0; r < lines; r++) {
    if (!(offsets[r + 1] >= offsets[r]) || !Number.isInteger(offsets[r + 1]))
      throw new ArgumentError(op, `offsets that never fall`, `${offsets[r]} then ${offsets[r + 1]} at row ${r}`);
  }
  for (let r = 0; r < lines; r++) {
    for (let p = offsets[r]; p < offsets[r + 1]; p++) {
      const c = columns[p];
      if (!Number.isInteger(c) || c < 0 || c >= cols)
        throw new ArgumentError(op, `columns in [0, ${cols})`, `${c} at row ${r}, entry ${p}`);
      if (p > offsets[r] && columns[p - 1] >= c) {
        const what = columns[p - 1] === c ? `column ${c} twice` : `column ${columns[p - 1]} before ${c}`;
        throw new ArgumentError(op, 'columns ascending within each row', `${what} at row ${r}, entry ${p}`);
      }
    }
  }
}

/** Both directions of checked compressed rows. */
export function hostLines({ rows, cols, parts = 1, offsets, columns }: HostCsr): {
  byRow: HostLines;
  byColumn: HostLines;
} {
  const nnz = columns.length;
  const rowOf = new Uint32Array(nnz);
  const counts = new Uint32Array(parts * cols + 1);
  for (let line = 0; line < parts * rows; line++) {
    const part = Math.floor(line / rows);
    for (let p = offsets[line]; p < offsets[line + 1]; p++) {
      rowOf[p] = line % rows;
      counts[part * cols + columns[p] + 1]++;
    }
  }
  const columnStarts = counts;
  for (let i = 1; i < columnStarts.length; i++) columnStarts[i] += columnStarts[i - 1];
  const next = columnStarts.slice();
  const entries = new Uint32Array(nnz);
  const rowsAcross = new Uint32Array(nnz);
  const columnOf = new Uint32Array(nnz);
  for (let line = 0; line < parts * rows; line++) {
    const part = Math.floor(line / rows);
    for (let p = offsets[line]; p < offsets[line + 1]; p++) {
      const at = next[part * cols + columns[p]]++;
      entries[at] = p;
      rowsAcross[at] = line % rows;
      columnOf[at] = columns[p];
    }
  }
  const rowStarts = Uint32Array.from(offsets);
  return {
    byRow: {
      ...ranked(rowStarts, parts, rows),
      starts: rowStarts,
      across: Uint32Array.from(columns),
      lineOf: rowOf,
      entries: null,
    },
    byColumn: {
      ...ranked(columnStarts, parts, cols),
      starts: columnStarts,
      across: rowsAcross,
      lineOf: columnOf,
      entries,
    },
  };
}

/** Lines of each part by falling length, equals in order, and the greatest length. */
function ranked(starts: Uint32Array, parts: number, count: number): { order: Uint32Array; longest: number } {
  const length = (line: number) => starts[line + 1] - starts[line];
  const order = Uint32Array.from({ length: parts * count }, (_, i) => i);
  for (let part = 0; part < parts; part++)
    order.subarray(part * count, (part + 1) * count).sort((a, b) => length(b) - length(a) || a - b);
  let longest = 0;
  for (let line = 0; line < parts * count; line++) longest = Math.max(longest, length(line));
  return { order, longest };
}
