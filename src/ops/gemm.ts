import type { GemmSpec, Problem } from '../../shaders/gemm/spec.js';
import { subgroupGemm } from '../../shaders/gemm/subgroup.js';
import { tiledGemm } from '../../shaders/gemm/tiled.js';
import type { Device } from '../gpu/device.js';
import { type Cost, defineKernel, foldGrid, type Grid } from '../gpu/kernel.js';
import { Tensor } from '../tensor/tensor.js';
import { chooseTile, type TileChoice } from './gemm-rules.js';
import { sumLeading } from './reduce.js';

const gemmKernel = defineKernel<GemmSpec>({
  name: 'gemm',
  shader: (spec) => (spec.tile.kind === 'subgroup' ? subgroupGemm(spec) : tiledGemm(spec)),
});

/** A product as the host sees it, before a tile is chosen. */
export interface Product {
  op: string;
  problem: Problem;
  rows: number;
  cols: number;
  /** Length of the k loop (channels of one tap where the kernel walks taps). */
  depth: number;
  /** Multiply-adds per element of C, over all taps. */
  length: number;
  /** Independent products, and the phases of a strided input gradient. */
  parts: number;
  phases: number;
  /** Elements of C in all parts. */
  size: number;
  /** Whether k may be split over workgroups (then C is [splits, size] first and summed after). */
  splittable: boolean;
  spec: Omit<GemmSpec, 'tile'>;
  p: Tensor;
  q: Tensor;
  bias: Tensor | null;
  /** Parameters after the common ones, in the order of `paramsOf`. */
  params: readonly number[];
}

/** Runs a product into `out`. */
export function launchGemm(device: Device, product: Product, out: Tensor): void {
  if (out.size === 0) return;
  const choice = chooseTile(device, product);
  const splits = choice.splits;
  const target = splits > 1 ? Tensor.empty(product.op, device, 'f32', [splits, out.size]) : out;
  try {
    encode(device, product, choice, target);
    if (splits > 1) sumLeading(product.op, device, target, out);
  } finally {
    if (target !== out) target.dispose();
  }
}

function encode(device: Device, product: Product, choice: TileChoice, target: Tensor): void {
  const { op, rows, cols, depth, parts } = product;
  const { tile, splits } = choice;
  const tileCols = tile.kind === 'subgroup' ? 4 * tile.lanes * tile.quads : tile.cols;
  const tiles: Grid = [Math.ceil(cols / tileCols), Math.ceil(rows / tile.rows), parts * product.phases * splits];
  const most = device.limits.maxWorkgroups;
  const folded = tiles.some((n) => n > most);
  const chunk = Math.ceil(depth / splits / 4) * 4;
  const common = [rows, cols, depth, chunk, splits, parts];
  const cost: Cost = {
    flops: 2 * rows * cols * product.length * parts * product.phases,
    bytes: product.p.bytes + product.q.bytes + target.bytes,
  };
  const inputs = product.bias ? [product.p, product.q, product.bias] : [product.p, product.q];
  device.run(gemmKernel, folded ? { ...product.spec, folded, tile } : { ...product.spec, tile }, {
    bindings: [...inputs, target].map((t) => t.binding(op)),
    params: [...common, ...product.params, ...(tile.kind === 'subgroup' ? [tile.rows] : []), ...(folded ? tiles : [])],
    grid: folded ? foldGrid(tiles[0] * tiles[1] * tiles[2], most) : tiles,
    cost,
  });
}
