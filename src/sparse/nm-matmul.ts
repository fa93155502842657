import { type NmDirectSpec, nmDirectShader } from '../../shaders/sparse/nm-direct.js';
import { type NmExpandSpec, nmExpandShader } from '../../shaders/sparse/nm-expand.js';
import { record } from '../autograd/node.js';
import { ShapeError } from '../gpu/errors.js';
import { defineKernel, foldGrid, type Grid } from '../gpu/kernel.js';
import { composite } from '../ops/composite.js';
import { reshape } from '../ops/reshape.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, type Shape, sameShape, showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { checkEpilogue, filled, loadOf } from './block-matmul.js';
import type { NmPattern } from './nm-pattern.js';
import { type SpmmOptions, spmm } from './spmm.js';

const op = 'nmMatmul';

export interface NmMatmulAttrs {
  pattern: NmPattern;
  transB: boolean;
  transC: boolean;
  activation: NonNullable<SpmmOptions['activation']>;
}

/**
 * act(S b + bias), S being the N:M sparse matrix [m, k] of `values` at the entries of a pattern, or its transpose, which
 * is multiplied as compressed rows.
 *
 * @param values f32 [...batch, rows, cols / m * n]
 * @param b f32 [...batch, k, n]; values and b have one batch, or one of them has none
 * @param options layouts, bias [m] and activation, as for `spmm`
 * @returns [...batch, m, n]
 * @throws ShapeError for values that are not the pattern's, or sizes and batches that do not fit
 */
export function nmMatmul(pattern: NmPattern, values: Tensor, b: Tensor, options: SpmmOptions = {}): Tensor {
  const { transA = false, transB = false, transC = false, activation = 'none', bias } = options;
  const { rows, cols, length } = pattern;
  const [m, k] = transA ? [cols, rows] : [rows, cols];
  pattern.assertLive(op);
  commonDevice(op, [pattern.indices, values, b]);
  assertDType(op, 'values', values.dtype, 'f32');
  assertDType(op, 'b', b.dtype, 'f32');
  assertRank(op, 'b', b.shape, 2);
  if (!sameShape(values.shape.slice(-2), [rows, length]))
    throw new ShapeError(op, `values of shape [...batch, ${rows}, ${length}]`, showShape(values.shape));
  if (b.shape[b.rank - (transB ? 1 : 2)] !== k)
    throw new ShapeError(op, `b of shape [...batch, ${transB ? `n, ${k}` : `${k}, n`}]`, showShape(b.shape));
  checkEpilogue(op, b, m, activation, bias);
  const lead = batchOf(op, values.shape.slice(0, -2), b.shape.slice(0, -2));
  const n = b.shape[b.rank - (transB ? 2 : 1)];
  const inputs = bias ? [values, b, bias] : [values, b];
  const form = formFor(pattern);
  if (transA || form === 'rows') return composite(inputs, () => spmm(pattern.csr, flatValues(values), b, options));
  if (transB && transC && b.rank > 2 && values.rank === 2) {
    // Rows of a batch that share the matrix are rows of one larger product.
    return composite(inputs, () => {
      const folded = nmMatmul(pattern, values, reshape(b, [sizeOf(lead) * n, cols]), options);
      return reshape(folded, [...lead, n, rows]);
    });
  }
  const attrs: NmMatmulAttrs = { pattern, transB, transC, activation };
  const out = Tensor.empty(op, b.device, 'f32', [...lead, ...(transC ? [n, rows] : [rows, n])]);
  const run = form === 'expand' ? runExpand : runDirect;
  return record(
    'nmMatmul',
    attrs,
    inputs,
    filled(out, () => out.size > 0 && run(attrs, inputs, n, sizeOf(lead), out)),
  );
}

/** Values as those of compressed rows: [...batch, entries]. */
export const flatValues = (values: Tensor): Tensor =>
  reshape(values, [...values.shape.slice(0, -2), values.shape[values.rank - 2] * values.shape[values.rank - 1]]);

function batchOf(op: string, values: Shape, b: Shape): Shape {
  if (values.length > 0 && b.length > 0 && !sameShape(values, b))
    throw new ShapeError(op, 'values and b with one batch', `${showShape(values)} and ${showShape(b)}`);
  return values.length > 0 ? values : b;
}

/** Entries of every four neighbours, where they are always as many; else 0. */
const keptOfFour = ({ n, m, cols }: NmPattern): number => (4 % m === 0 && cols % 4 === 0 ? (n * 4) / m : 0);

/**
 * How a product runs. GPUs walk rows of one length. Software devices multiply 1:2, 2:4 and 3:4 as dense matrices whose
 * rows unfold on their way (2:4 in 0.9 to 1.1 of the dense time, as compressed rows in 1.4 to 2), and others as
 * compressed rows: panels leave nothing to gain from rows of one length.
 */
function formFor(pattern: NmPattern): 'expand' | 'rows' | 'direct' {
  const { device, density } = pattern;
  if (device.deviceClass !== 'software') return 'direct';
  const fits = [4, 8, 16, 32, 64].includes(device.subgroupSize) && keptOfFour(pattern) > 0;
  return fits && density >= 0.5 ? 'expand' : 'rows';
}

type Run = (attrs: NmMatmulAttrs, inputs: readonly Tensor[], n: number, parts: number, out: Tensor) => void;

const expandKernel = defineKernel<NmExpandSpec>({ name: 'n:m expand', shader: nmExpandShader });
const directKernel = defineKernel<NmDirectSpec>({ name: 'n:m direct', shader: nmDirectShader });

const runExpand: Run = ({ pattern, transB, transC, activation }, [values, b, bias], n, parts, out) => {
  const { device, rows, cols, length, indices } = pattern;
  const lanes = device.subgroupSize;
  const flops = 2 * parts * rows * cols * n;
  // As for dense products: more rows read less, and compile longer.
  const tileRows = flops < 8e6 ? 8 : flops < 64e6 ? 16 : 32;
  const [qI, qK] = transB ? [cols, 1] : [1, n];
  const tiles: Grid = [Math.ceil(n / (4 * lanes)), Math.ceil(rows / tileRows), parts];
  const most = device.limits.maxWorkgroups;
  const folded = tiles.some((t) => t > most);
  const spec: NmExpandSpec = {
    ...{ kept: keptOfFour(pattern), activation, q: loadOf(qK, n, cols), bias: bias ? 'row' : 'none' },
    store: transC ? { along: 'row', vector: rows % 4 === 0 } : { along: 'col', vector: n % 4 === 0 },
    tile: { kind: 'subgroup', lanes, rows: tileRows, quads: 1, unroll: false },
    ...(folded ? { folded } : {}),
  };
  device.run(expandKernel, spec, {
    bindings: [indices, values, b, ...(bias ? [bias] : []), out].map((t) => t.binding(op)),
    params: [
      ...[rows, n, cols, qI, qK, b.rank === 2 ? 0 : cols * n, rows * n, transC ? rows : n, tileRows],
      ...[length, values.rank === 2 ? 0 : rows * length],
      ...(folded ? tiles : []),
    ],
    grid: folded ? foldGrid(tiles[0] * tiles[1] * tiles[2], most) : tiles,
    cost: costOf(values, b, out, length),
  });
};

const runDirect: Run = ({ pattern, transB, transC, activation }, [values, b, bias], n, parts, out) => {
  const { device, rows, cols, length, indices } = pattern;
  const width = !transB && !transC && n % 4 === 0 ? 4 : 1;
  const workgroup = 64;
  const [x, y] = foldGrid(Math.ceil((rows * n) / width / workgroup), device.limits.maxWorkgroups);
  device.run(
    directKernel,
    { width, along: transC ? 'rows' : 'n', workgroup, bias: bias !== undefined, activation },
    {
      bindings: [indices, values, b, ...(bias ? [bias] : []), out].map((t) => t.binding(op)),
      params: [
        ...[rows, n, length, values.rank === 2 ? 0 : rows * length, b.rank === 2 ? 0 : cols * n],
        ...(transB ? [1, cols] : [n, 1]),
        ...(transC ? [1, rows] : [n, 1]),
      ],
      grid: [x, y, parts],
      cost: costOf(values, b, out, length),
    },
  );
};

/** Multiply-adds by stored values alone. */
const costOf = (values: Tensor, b: Tensor, out: Tensor, length: number) => ({
  flops: 2 * out.size * length,
  bytes: 2 * values.bytes + b.bytes + out.bytes,
});
