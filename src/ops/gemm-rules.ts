import type { SubgroupTile, WorkgroupTile } from '../../shaders/gemm/spec.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Product } from './gemm.js';

/** Which tile a product gets, into how many splits of k it is cut, and why. */
export interface TileChoice {
  tile: SubgroupTile | WorkgroupTile;
  splits: number;
  why: string;
}

/** Forces a tile for every product of a device: tests of each variant, and `secateur tune`. */
export type TileOverride = (product: Product) => TileChoice | null;

const overrides = new WeakMap<Device, TileOverride>();

/** Installs (or, with null, removes) an override of the rules. */
export function overrideTiles(device: Device, override: TileOverride | null): void {
  if (override) overrides.set(device, override);
  else overrides.delete(device);
}

/**
 * The rules, by device class.
 *
 * Software rasterisers win with one subgroup a workgroup: broadcasts cost about one multiply-add there, and workgroup
 * memory and barriers ten to sixty. GPUs win with tiles shared in workgroup memory.
 */
export function chooseTile(device: Device, product: Product): TileChoice {
  const forced = overrides.get(device)?.(product);
  if (forced) return forced;
  const subgroups = [4, 8, 16, 32, 64].includes(device.subgroupSize);
  return device.deviceClass === 'software' && subgroups ? softwareTile(device, product) : gpuTile(device, product);
}

/** Tiles of the subgroup body: few rows get more columns a lane, so that 32 accumulators stay busy. */
const SOFTWARE_TILES = [
  { rows: 32, quads: 1 },
  { rows: 24, quads: 1 },
  { rows: 16, quads: 2 },
  { rows: 16, quads: 1 },
  { rows: 8, quads: 2 },
] as const;

/**
 * Cost of four k of one tile on a software device, in multiply-adds of one vector: a broadcast costs 1.3, a vec4 load
 * 36, and each row takes 16 multiply-adds a group of columns.
 */
const softwareCost = (rows: number, quads: number): number => rows * (5.2 + 16 * quads) + (rows / 8) * 36 + quads * 144;

/** Software: the tile of least total cost, padding included; k is split only to give every core work. */
function softwareTile(device: Device, product: Product): TileChoice {
  const lanes = device.subgroupSize;
  const count = (t: { rows: number; quads: number }) => Math.ceil(product.rows / t.rows) * Math.ceil(product.cols / (4 * lanes * t.quads));
  const total = (t: { rows: number; quads: number }) => count(t) * softwareCost(t.rows, t.quads);
  const best = SOFTWARE_TILES.reduce((a, b) => (total(b) < total(a) ? b : a));
  const tiles = count(best) * product.parts * product.phases;
  const splits = splitsFor(product, tiles, 4 * (device.driver?.cores ?? 4), 256);
  return {
    tile: { kind: 'subgroup', lanes, rows: best.rows, quads: best.quads, unroll: false },
    splits,
    why: `software: ${best.rows} x ${4 * lanes * best.quads} costs least for ${product.rows} x ${product.cols}${splits > 1 ? `; ${tiles} tiles are few, so k is split ${splits} ways` : ''}`,
  };
}

/** GPUs: the largest tile that still fills the machine. */
function gpuTile(device: Device, product: Product): TileChoice {
  const processors = device.deviceClass === 'discrete' ? 128 : 16;
  const count = (t: WorkgroupTile) => Math.ceil(product.rows / t.rows) * Math.ceil(product.cols / t.cols) * product.parts * product.phases;
  const fits = GPU_TILES.filter((t) => t.rows <= 2 * nextPowerOfTwo(product.rows) && t.cols <= 2 * nextPowerOfTwo(product.cols));
  const candidates = fits.length > 0 ? fits : [GPU_TILES[GPU_TILES.length - 1]];
  const tile = candidates.find((t) => count(t) >= 2 * processors) ?? candidates[candidates.length - 1];
  const splits = splitsFor(product, count(tile), 2 * processors, 256);
  return {
    tile,
    splits,
    why: `${device.deviceClass}: ${tile.rows}x${tile.cols} gives ${count(tile)} workgroups for ${processors} processors${splits > 1 ? `, k split ${splits} ways` : ''}`,
  };
}

/** Largest first. */
export const GPU_TILES: readonly WorkgroupTile[] = [
  { kind: 'workgroup', rows: 128, cols: 128, depth: 16, blockRows: 8, blockCols: 8 },
  { kind: 'workgroup', rows: 64, cols: 64, depth: 16, blockRows: 8, blockCols: 4 },
  { kind: 'workgroup', rows: 32, cols: 64, depth: 16, blockRows: 4, blockCols: 4 },
  { kind: 'workgroup', rows: 32, cols: 32, depth: 16, blockRows: 4, blockCols: 4 },
];

/** Splits of k that bring `tiles` up to `wanted`, with at least `least` products a split. */
function splitsFor(product: Product, tiles: number, wanted: number, least: number): number {
  if (!product.splittable || tiles >= wanted) return 1;
  return Math.max(1, Math.min(Math.ceil(wanted / tiles), Math.floor(product.depth / least), 64));
}

const nextPowerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)));

/** Refuses a tile that cannot run, with numbers. */
export function checkTile(device: Device, tile: SubgroupTile | WorkgroupTile): void {
  if (tile.kind === 'subgroup') {
    if (tile.lanes !== device.subgroupSize) throw new ArgumentError('gemm', `lanes equal to the subgroup size ${device.subgroupSize}`, String(tile.lanes));
    if (tile.rows % 4 !== 0 || tile.rows < 4) throw new ArgumentError('gemm', 'rows as a multiple of 4', String(tile.rows));
  }
}
