import { fileURLToPath } from 'node:url';
import type { SubgroupTile, WorkgroupTile } from '../../shaders/gemm/spec.js';
import { type Device, openDevice, scope } from '../../src/index.js';
import { GPU_TILES, overrideTiles, tileCandidates } from '../../src/ops/gemm-rules.js';
import { expectClose } from './close.js';
import { CORE, type GemmCase, MORE } from './gemm-cases.js';
import { Inputs, SEED } from './random.js';

export type Tile = SubgroupTile | WorkgroupTile;

export interface SuiteResult {
  device: string;
  subgroupSize: number;
  seed: number;
  runs: { tile: string; name: string; ms: number; failure: string | null }[];
}

export const showTile = (t: Tile): string =>
  t.kind === 'subgroup'
    ? `subgroup of ${t.lanes}, ${t.rows} rows, ${t.quads} quads${t.unroll ? ', unrolled' : ''}`
    : `${t.rows} x ${t.cols} x ${t.depth}, ${t.blockRows} x ${t.blockCols} each, ${t.buffers} buffers${t.unroll ? ', unrolled' : ''}`;

/** Runs cases with a tile forced, twice each: both results must be close to float64 and the same to the bit. */
export async function runCases(device: Device, tile: Tile, cases: readonly GemmCase[]): Promise<SuiteResult['runs']> {
  const runs: SuiteResult['runs'] = [];
  for (const c of cases) {
    if (c.half && !device.hasF16) continue;
    const { run, expected } = c.draw(new Inputs(c.name));
    const once = async () => {
      const out = scope(() => run(device));
      try {
        return await out.data();
      } finally {
        out.dispose();
      }
    };
    let used = 0;
    overrideTiles(device, () => {
      used++;
      return { tile, splits: c.splits, why: 'forced' };
    });
    const start = performance.now();
    let failure: string | null = null;
    try {
      const first = await once();
      const ms = performance.now() - start;
      const second = await once();
      expectClose(first, expected, { rtol: 3e-6, atol: 1e-6, what: c.name });
      if (used !== 2) failure = `${c.name}: expected 2 products with the tile, got ${used}`;
      for (let i = 0; i < first.length; i++) {
        if (!Object.is(first[i], second[i])) failure = `${c.name}: element ${i} is ${first[i]} and then ${second[i]}`;
      }
      runs.push({ tile: showTile(tile), name: c.name, ms, failure });
    } catch (error) {
      runs.push({ tile: showTile(tile), name: c.name, ms: performance.now() - start, failure: String(error) });
    } finally {
      overrideTiles(device, null);
    }
  }
  return runs;
}

/** The tiles that a device's subgroup size allows, and one of workgroups, through every case. */
async function suite(device: Device): Promise<SuiteResult> {
  const runs: SuiteResult['runs'] = [];
  const tiles = tileCandidates(device).filter((t) => t.kind === 'subgroup');
  for (const [i, tile] of tiles.entries())
    runs.push(...(await runCases(device, tile, i === 0 ? [...CORE, ...MORE] : CORE)));
  // One matmul and one convolution: SwiftShader takes seconds for each shader with barriers.
  runs.push(...(await runCases(device, { ...GPU_TILES[3], unroll: false }, [CORE[0], CORE[2]])));
  return { device: device.name, subgroupSize: device.subgroupSize, seed: SEED, runs };
}

// As a script: the suite on the device that the environment calls for, as one line of JSON.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const device = await openDevice({ poison: true });
  const result = await suite(device);
  await device.close();
  console.log(JSON.stringify(result));
}
