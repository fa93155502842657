import { type BitsSpec, bitsShader, flipBitsShader } from '../../shaders/sparse/pattern-bits.js';
import { type EntriesSpec, entriesShader, lineStartsShader } from '../../shaders/sparse/pattern-lines.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { arange, zeros } from '../ops/create.js';
import { launchScan } from '../ops/cumsum.js';
import { strideGrid, STRIDE_WORKGROUP as workgroup } from '../ops/grid-stride.js';
import { add } from '../ops/pointwise.js';
import { launchSort } from '../ops/radix.js';
import { reshape } from '../ops/reshape.js';
import { assertDType } from '../tensor/dtype.js';
import { collect, keep, type Owned, scope } from '../tensor/scope.js';
import { Tensor, tensor } from '../tensor/tensor.js';
import type { Lines } from './pattern.js';

const bitsKernel = defineKernel<BitsSpec>({ name: 'pattern bits', shader: bitsShader });
const flipKernel = defineKernel<{ workgroup: number }>({ name: 'pattern bits flipped', shader: flipBitsShader });
const startsKernel = defineKernel<{ workgroup: number }>({ name: 'pattern starts', shader: lineStartsShader });
const entriesKernel = defineKernel<EntriesSpec>({ name: 'pattern entries', shader: entriesShader });

/** Both directions of a pattern; its tensors belong to the caller. */
export interface BuiltLines {
  nnz: number;
  byRow: Lines;
  byColumn: Lines;
}

/** Lines before their entries are written: the entries' number is on the device. */
interface Draft {
  /** Lines of one part, and the longest that one can be. */
  count: number;
  length: number;
  /** One bit an element, [parts, count, ceil(length / 32)], and the position of each word's first entry. */
  bits: Tensor;
  wordStarts: Tensor;
  starts: Tensor;
  order: Tensor;
}

/** What the host must know: least index of a NaN, number of entries, longest row, longest column. */
const CENSUS = { nan: 0, nnz: 1, longestRow: 2, longestColumn: 3 };
const NO_NAN = 0xffffffff;

/**
 * Both directions of the entries of a matrix, on the device: elements become bits, the bits a second time transposed;
 * a scan over the words' counts says where each word's entries go. One readback, for the number of entries.
 *
 * @param mask [parts, rows, cols], bool, f32, i32 or u32; elements other than 0 are kept
 * @throws ArgumentError for a NaN
 */
export async function buildLines(op: string, mask: Tensor): Promise<BuiltLines> {
  const [parts, rows, cols] = mask.shape;
  assertDType(op, 'the mask', mask.dtype, 'bool', 'f32', 'i32', 'u32');
  if (mask.size === 0) return owned(() => emptyLines(op, mask.device, parts, rows, cols));
  const draft = owned(() => draftLines(op, mask));
  let built: BuiltLines | null = null;
  try {
    const census = await draft.census.data();
    if (census[CENSUS.nan] !== NO_NAN)
      throw new ArgumentError(op, 'numbers or flags', `NaN at element ${census[CENSUS.nan]}`);
    const nnz = census[CENSUS.nnz];
    built = owned(() => ({
      nnz,
      byRow: fillLines(op, draft.byRow, nnz, census[CENSUS.longestRow], null),
      byColumn: fillLines(op, draft.byColumn, nnz, census[CENSUS.longestColumn], draft.byRow),
    }));
    return built;
  } finally {
    const kept = thingsIn(built);
    for (const thing of thingsIn(draft)) if (!kept.has(thing)) thing.dispose();
  }
}

/** A matrix without elements has lines all the same. */
function emptyLines(op: string, device: Device, parts: number, rows: number, cols: number): BuiltLines {
  const none = () => Tensor.empty(op, device, 'u32', [0]);
  const lines = (count: number, entries: Tensor | null): Lines => ({
    count,
    longest: 0,
    starts: zeros(device, [parts * count + 1], 'u32'),
    across: none(),
    lineOf: none(),
    order: arange(device, parts * count, { dtype: 'u32' }),
    entries,
  });
  return { nnz: 0, byRow: lines(rows, null), byColumn: lines(cols, none()) };
}

function draftLines(op: string, mask: Tensor): { census: Tensor; byRow: Draft; byColumn: Draft } {
  const { device } = mask;
  const [parts, rows, cols] = mask.shape;
  const census = tensor(device, [NO_NAN, 0, 0, 0], { dtype: 'u32' });
  const row = wordTensors(op, mask, rows, cols);
  const type = mask.dtype === 'f32' ? 'f32' : 'u32';
  device.run(
    bitsKernel,
    { type, lanes: cols % 4 === 0 ? 4 : 1, workgroup },
    {
      bindings: [mask, row.bits, row.counts, ...(type === 'f32' ? [census] : [])].map((t) => t.binding(op)),
      params: [row.bits.size, row.wordsALine, cols, 32],
      grid: strideGrid(device, row.bits.size),
      cost: { flops: 0, bytes: mask.bytes + 2 * row.bits.bytes },
    },
  );
  const column = wordTensors(op, mask, cols, rows);
  const blocks = parts * row.wordsALine * column.wordsALine;
  device.run(
    flipKernel,
    { workgroup },
    {
      bindings: [row.bits, column.bits, column.counts].map((t) => t.binding(op)),
      params: [blocks, rows, cols, 32],
      grid: strideGrid(device, blocks),
      cost: { flops: 0, bytes: 3 * row.bits.bytes },
    },
  );
  return {
    census,
    byRow: draftLinesOf(op, row, parts, census, CENSUS.longestRow),
    byColumn: draftLinesOf(op, column, parts, census, CENSUS.longestColumn),
  };
}

interface Words {
  count: number;
  length: number;
  wordsALine: number;
  bits: Tensor;
  /** One element more than there are words, so that its exclusive scan ends in the total. */
  counts: Tensor;
}

function wordTensors(op: string, mask: Tensor, count: number, length: number): Words {
  const wordsALine = Math.ceil(length / 32);
  const words = mask.shape[0] * count * wordsALine;
  return {
    count,
    length,
    wordsALine,
    bits: Tensor.empty(op, mask.device, 'u32', [words]),
    counts: Tensor.empty(op, mask.device, 'u32', [words + 1]),
  };
}

function draftLinesOf(op: string, words: Words, parts: number, census: Tensor, slot: number): Draft {
  const { count, length, wordsALine, bits, counts } = words;
  const { device } = bits;
  const wordStarts = Tensor.empty(op, device, 'u32', counts.shape);
  launchScan(op, device, counts, wordStarts, {
    lead: 1,
    length: counts.size,
    inner: 1,
    reverse: false,
    exclusive: true,
  });
  const starts = Tensor.empty(op, device, 'u32', [parts * count + 1]);
  const lengths = Tensor.empty(op, device, 'u32', [parts, count]);
  device.run(
    startsKernel,
    { workgroup },
    {
      bindings: [wordStarts, starts, lengths, census].map((t) => t.binding(op)),
      params: [lengths.size, wordsALine, slot],
      grid: strideGrid(device, starts.size),
      cost: { flops: 0, bytes: 4 * starts.bytes },
    },
  );
  return { count, length, bits, wordStarts, starts, order: byFallingLength(op, lengths, length) };
}

/** Lines of each part by falling length, equals in order, counted over all parts: [parts * count]. */
function byFallingLength(op: string, lengths: Tensor, longest: number): Tensor {
  const { device } = lengths;
  const [parts, count] = lengths.shape;
  const order = Tensor.empty(op, device, 'u32', lengths.shape);
  launchSort(op, device, lengths, order, null, {
    key: 'u32',
    descending: true,
    rows: parts,
    n: count,
    inner: 1,
    orderInner: 1,
    bits: 32 - Math.clz32(longest),
    size: 0,
  });
  if (parts === 1) return order.view(op, [count]);
  const firsts = arange(device, 0, parts * count, count, { dtype: 'u32' });
  return reshape(add(order, reshape(firsts, [parts, 1])), [parts * count]);
}

function fillLines(op: string, draft: Draft, nnz: number, longest: number, byRow: Draft | null): Lines {
  const { count, length, bits, wordStarts, starts, order } = draft;
  const { device } = bits;
  const make = () => Tensor.empty(op, device, 'u32', [nnz]);
  const across = make();
  const lineOf = make();
  const entries = byRow && make();
  const out = [across, lineOf, ...(entries ? [entries] : [])];
  const read = [bits, wordStarts, ...(byRow ? [byRow.bits, byRow.wordStarts] : [])];
  device.run(
    entriesKernel,
    { byColumn: byRow !== null, workgroup },
    {
      bindings: [...read, ...out].map((t) => t.binding(op)),
      params: [bits.size, count, length],
      grid: strideGrid(device, bits.size),
      cost: { flops: 0, bytes: 2 * bits.bytes + 4 * nnz * (byRow ? 5 : 2) },
    },
  );
  return { count, longest, starts, across, lineOf, order, entries };
}

/** Runs `fn` in a scope, and takes its result out of every scope: it outlives the wait for the device. */
function owned<T>(fn: () => T): T {
  return scope(() => {
    const result = fn();
    for (const thing of thingsIn(result)) keep(thing);
    return result;
  });
}

function thingsIn(value: unknown): Set<Owned> {
  const found = new Set<Owned>();
  collect(value, found);
  return found;
}
