import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ArgumentError, matmul, openDevice, scope, tensor } from '../../src/index.js';
import { chooseTile, GPU_TILES, overrideTiles, tileCandidates } from '../../src/ops/gemm-rules.js';
import type { Product } from '../../src/ops/gemm.js';
import { testDevice } from '../support/device.js';
import { CORE, MORE } from '../support/gemm-cases.js';
import { runCases, showTile, type SuiteResult, type Tile } from '../support/gemm-suite.js';
import { SEED } from '../support/random.js';

const t = testDevice();

const failures = (runs: SuiteResult['runs']) => runs.flatMap((r) => (r.failure ? [`${r.tile}: ${r.failure}`] : []));

describe(`tiles shared in workgroup memory (seed ${SEED})`, () => {
  it('serve every loader, operand type, epilogue and split', async () => {
    const tile = { ...GPU_TILES[3], unroll: false };
    const runs = await runCases(t.device, tile, MORE);
    expect(failures(runs)).toEqual([]);
    expect(runs.length).toBeGreaterThanOrEqual(MORE.length - (t.device.hasF16 ? 0 : 2));
  });
  for (const tile of GPU_TILES) {
    it(`serve as ${showTile({ ...tile, unroll: false })}`, async () => {
      expect(failures(await runCases(t.device, { ...tile, unroll: false }, CORE))).toEqual([]);
    });
    it(`serve as ${showTile(tile)}`, async () => {
      expect(failures(await runCases(t.device, tile, CORE.slice(0, 1)))).toEqual([]);
    });
  }
  it('serve with one buffer, and with all stores unrolled', async () => {
    expect(failures(await runCases(t.device, { ...GPU_TILES[1], buffers: 1, unroll: false }, CORE.slice(0, 2)))).toEqual([]);
    expect(failures(await runCases(t.device, { ...GPU_TILES[3], buffers: 1 }, CORE.slice(1)))).toEqual([]);
  });
});

describe(`the subgroup body (seed ${SEED})`, () => {
  it('serves with 8 to 32 rows, one or two groups of columns, loops or not', async () => {
    const lanes = t.device.subgroupSize;
    if (lanes === 0) return console.log('skipped: this device has no subgroups of fixed size');
    for (const [i, [rows, quads]] of [[8, 1], [8, 2], [16, 1], [16, 2], [24, 1], [32, 1]].entries()) {
      const tile: Tile = { kind: 'subgroup', lanes, rows, quads, unroll: i % 2 === 1 };
      expect(failures(await runCases(t.device, tile, rows === 16 && quads === 1 ? [...CORE, ...MORE] : CORE))).toEqual([]);
    }
  });
});

/** Runs the suite in a process of its own: the driver reads its environment once. */
async function child(env: Record<string, string>): Promise<SuiteResult> {
  const script = fileURLToPath(new URL('../support/gemm-suite.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script], {
    env: { ...process.env, SECATEUR_TEST_SEED: String(SEED), SECATEUR_THREADS: '0', ...env },
    maxBuffer: 1 << 24,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as SuiteResult;
}

describe(`other subgroup sizes (seed ${SEED})`, () => {
  it('16: the software driver with vectors of 512 bits', async () => {
    const result = await child({ LP_NATIVE_VECTOR_WIDTH: '512' });
    if (result.subgroupSize !== 16) return console.log(`skipped: subgroups of ${result.subgroupSize} on ${result.device} here`);
    expect(failures(result.runs)).toEqual([]);
    expect(result.runs.length).toBeGreaterThan(MORE.length);
  });
  it('4: SwiftShader, from the folder SECATEUR_TEST_SWIFTSHADER', async () => {
    const folder = process.env.SECATEUR_TEST_SWIFTSHADER;
    if (!folder || !existsSync(folder)) return console.log('skipped: SECATEUR_TEST_SWIFTSHADER names no folder with SwiftShader');
    const result = await child({ SECATEUR_VULKAN: folder, VK_DRIVER_FILES: '', VK_ICD_FILENAMES: '' });
    expect(result.subgroupSize).toBe(4);
    expect(failures(result.runs)).toEqual([]);
  });
});
