import type { SubgroupTile, WorkgroupTile } from '../../shaders/gemm/spec.js';
import { tileShape } from '../../shaders/gemm/spec.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError } from '../gpu/errors.js';
import type { Product } from './gemm.js';
import { lookUpTuned } from './tuned.js';

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

/** Whether every product of a device is to take a tile, even where another kernel would do better. */
export const hasTileOverride = (device: Device): boolean => overrides.has(device);

/**
 * The rules, by device class.
 *
 * Software rasterisers win with one subgroup a workgroup: broadcasts cost about one multiply-add there, and workgroup
 * memory and barriers ten to sixty. GPUs win with tiles shared in workgroup memory.
 */
export function chooseTile(device: Device, product: Product): TileChoice {
  const forced = overrides.get(device)?.(product);
  if (forced) {
    checkTile(device, forced.tile);
    return forced;
  }
  const tuned = device.tuned && lookUpTuned(device.tuned, product);
  if (tuned) {
    checkTile(device, tuned.tile);
    return { tile: tuned.tile, splits: tuned.splits, why: `tuned: ${tuned.key}` };
  }
  return sharesBySubgroup(device) ? softwareTile(device, product) : gpuTile(device, product);
}

/** Whether a device shares operands by subgroup broadcasts: software with subgroups of a size that the kernels take. */
export const sharesBySubgroup = ({ deviceClass, subgroupSize }: Device): boolean =>
  deviceClass === 'software' && [4, 8, 16, 32, 64].includes(subgroupSize);

/** Tiles of the subgroup body. More column groups a lane never paid on a software device: the registers spill. */
const SOFTWARE_TILES = [
  { rows: 32, quads: 1 },
  { rows: 24, quads: 1 },
  { rows: 16, quads: 1 },
  { rows: 12, quads: 1 },
  { rows: 8, quads: 1 },
] as const;

/**
 * Cost of four k of one tile on a software device, in multiply-adds of one vector: a broadcast costs 1.3, a vec4 load
 * 36, and each row takes 16 multiply-adds a group of columns.
 */
const softwareCost = (rows: number, quads: number): number =>
  rows * (5.2 + 16 * quads) + Math.ceil(rows / 8) * 36 + quads * 144;

/**
 * Most rows of a tile for a product of so many operations. A pipeline of 32 rows takes some 0.4 s to compile, one of
 * 8 a quarter of it: a product that is done in a fraction of that does not get it back.
 */
const mostRows = (flops: number): number => (flops < 8e6 ? 8 : flops < 64e6 ? 16 : 32);

/** Software: the tile of least total cost, padding included; k is split only to give every core work. */
function softwareTile(device: Device, product: Product): TileChoice {
  const lanes = device.subgroupSize;
  const count = (t: { rows: number; quads: number }) =>
    Math.ceil(product.rows / t.rows) * Math.ceil(product.cols / (4 * lanes * t.quads));
  const total = (t: { rows: number; quads: number }) => count(t) * softwareCost(t.rows, t.quads);
  const flops = 2 * product.rows * product.cols * product.length * product.parts * product.phases;
  const fits = SOFTWARE_TILES.filter((t) => t.rows <= mostRows(flops));
  const best = fits.reduce((a, b) => (total(b) < total(a) ? b : a));
  const tiles = count(best) * product.parts * product.phases;
  const splits = splitsFor(product, tiles, 4 * (device.driver?.cores ?? 4), 256);
  return {
    tile: { kind: 'subgroup', lanes, rows: best.rows, quads: best.quads, unroll: false },
    splits,
    why: `software: ${best.rows} x ${4 * lanes * best.quads} costs least for ${product.rows} x ${product.cols}${splits > 1 ? `; ${tiles} tiles are few, so k is split ${splits} ways` : ''}`,
  };
}

/**
 * GPUs: the largest tile (it reads least) that keeps every processor busy, among those that do not pad C much. Where no
 * tile gives enough workgroups, k is split if the product allows it; else the most workgroups win.
 */
function gpuTile(device: Device, product: Product): TileChoice {
  const { rows, cols, parts, phases } = product;
  const processors = device.deviceClass === 'discrete' ? 128 : 16;
  const padded = (t: WorkgroupTile) => Math.ceil(rows / t.rows) * t.rows * Math.ceil(cols / t.cols) * t.cols;
  const least = Math.min(...GPU_TILES.map(padded));
  const fits = GPU_TILES.filter((t) => padded(t) <= 1.25 * least);
  const count = (t: WorkgroupTile) => (padded(t) / (t.rows * t.cols)) * parts * phases;
  const wanted = (t: WorkgroupTile) => Math.ceil((processors * BUSY) / tileShape(t).invocations);
  const splits = (t: WorkgroupTile) => splitsFor(product, count(t), wanted(t), 256);
  const best =
    fits.find((t) => count(t) >= wanted(t)) ??
    fits.find((t) => count(t) * splits(t) >= wanted(t)) ??
    fits.reduce((a, b) => (count(b) > count(a) ? b : a));
  // The rules may run for a GPU on a software device; two buffers may be more than there is.
  const tile: WorkgroupTile = {
    ...best,
    buffers: tileShape(best).bytes <= device.limits.workgroupStorage ? best.buffers : 1,
    unroll: device.deviceClass !== 'software',
  };
  const n = splits(best);
  return {
    tile,
    splits: n,
    why: `${device.deviceClass}: ${tile.rows} x ${tile.cols} gives ${count(best)} workgroups for ${processors} processors${n > 1 ? `, k split ${n} ways` : ''}`,
  };
}

/** Invocations that a processor needs at the least to hide the latency of its loads. */
const BUSY = 256;

/** Largest first; the last is for few rows. 32 KiB of workgroup memory at most. */
export const GPU_TILES: readonly WorkgroupTile[] = [
  { kind: 'workgroup', rows: 128, cols: 128, depth: 16, blockRows: 8, blockCols: 8, buffers: 2, unroll: true },
  { kind: 'workgroup', rows: 64, cols: 64, depth: 16, blockRows: 8, blockCols: 4, buffers: 2, unroll: true },
  { kind: 'workgroup', rows: 32, cols: 64, depth: 16, blockRows: 4, blockCols: 4, buffers: 2, unroll: true },
  { kind: 'workgroup', rows: 32, cols: 32, depth: 16, blockRows: 4, blockCols: 4, buffers: 2, unroll: true },
  { kind: 'workgroup', rows: 16, cols: 128, depth: 16, blockRows: 4, blockCols: 4, buffers: 2, unroll: true },
];

/** Every tile that is worth trying on a device: the rules' own, and on GPUs with subgroups those of the subgroup body. */
export function tileCandidates(device: Device): (SubgroupTile | WorkgroupTile)[] {
  const lanes = device.subgroupSize;
  const software = device.deviceClass === 'software';
  const subgroup = SOFTWARE_TILES.map((t): SubgroupTile => ({ kind: 'subgroup', lanes, ...t, unroll: !software }));
  const shared = GPU_TILES.flatMap((t) => [t, { ...t, buffers: 1 as const }]).map((t) => ({ ...t, unroll: !software }));
  const usable = shared.filter((t) => tileShape(t).bytes <= device.limits.workgroupStorage);
  return lanes === 0 ? usable : software ? subgroup : [...usable, ...subgroup];
}

/** Splits of k that bring `tiles` up to `wanted`, with at least `least` products a split. */
function splitsFor(product: Product, tiles: number, wanted: number, least: number): number {
  if (!product.splittable || tiles >= wanted) return 1;
  return Math.max(1, Math.min(Math.ceil(wanted / tiles), Math.floor(product.depth / least), 64));
}

const powerOfTwo = (n: number): boolean => Number.isInteger(n) && n > 0 && (n & (n - 1)) === 0;

/** Refuses a tile that cannot run, with numbers. */
export function checkTile(device: Device, tile: SubgroupTile | WorkgroupTile): void {
  const expect = (holds: boolean, expected: string, got: string | number) => {
    if (!holds) throw new ArgumentError('gemm', expected, String(got));
  };
  if (tile.kind === 'subgroup') {
    expect(tile.lanes === device.subgroupSize, `lanes equal to the subgroup size ${device.subgroupSize}`, tile.lanes);
    expect(tile.rows % 4 === 0 && tile.rows >= 4, 'rows as a multiple of 4', tile.rows);
    expect(Number.isInteger(tile.quads) && tile.quads >= 1, 'one or more groups of four columns a lane', tile.quads);
    return;
  }
  const { rows, cols, depth, blockRows, blockCols } = tile;
  const show = `${rows} x ${cols} x ${depth} in blocks of ${blockRows} x ${blockCols}`;
  const sizes = [rows / 4, cols / 4, depth / 4, blockRows / 4, blockCols / 4, rows / blockRows, cols / blockCols];
  expect(sizes.every(powerOfTwo), 'a tile and blocks of powers of two, 4 at least', show);
  const { invocations, bytes } = tileShape(tile);
  const { maxInvocations, workgroupStorage } = device.limits;
  expect(invocations <= maxInvocations, `at most ${maxInvocations} invocations`, `${invocations} (${show})`);
  expect(bytes <= workgroupStorage, `at most ${workgroupStorage} bytes of workgroup memory`, `${bytes} (${show})`);
}
