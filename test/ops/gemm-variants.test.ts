import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ArgumentError, matmul, openDevice, scope, tensor } from '../../src/index.js';
import type { Product } from '../../src/ops/gemm.js';
import { checkTile, chooseTile, GPU_TILES, overrideTiles, tileCandidates } from '../../src/ops/gemm-rules.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { CORE, MORE } from '../support/gemm-cases.js';
import { runCases, type SuiteResult, showTile, type Tile } from '../support/gemm-suite.js';
import { Inputs, SEED } from '../support/random.js';

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
    expect(
      failures(await runCases(t.device, { ...GPU_TILES[1], buffers: 1, unroll: false }, CORE.slice(0, 2))),
    ).toEqual([]);
    expect(failures(await runCases(t.device, { ...GPU_TILES[3], buffers: 1 }, CORE.slice(1)))).toEqual([]);
  });
});

describe(`the subgroup body (seed ${SEED})`, () => {
  it('serves with 8 to 32 rows, one or two groups of columns, loops or not', async () => {
    const lanes = t.device.subgroupSize;
    if (lanes === 0) return console.log('skipped: this device has no subgroups of fixed size');
    for (const [i, [rows, quads]] of [
      [8, 1],
      [8, 2],
      [16, 1],
      [16, 2],
      [24, 1],
      [32, 1],
    ].entries()) {
      const tile: Tile = { kind: 'subgroup', lanes, rows, quads, unroll: i % 2 === 1 };
      expect(failures(await runCases(t.device, tile, rows === 16 && quads === 1 ? [...CORE, ...MORE] : CORE))).toEqual(
        [],
      );
    }
  });
});

describe('the rules for GPUs', () => {
  const product = (rows: number, cols: number, depth: number, more: Partial<Product> = {}) =>
    ({ rows, cols, depth, parts: 1, phases: 1, splittable: true, ...more }) as Product;

  it('take the largest tile that keeps a discrete GPU busy, and split long sums', async () => {
    const device = await openDevice({ deviceClass: 'discrete' });
    try {
      const choice = (p: Product) => {
        const { tile, splits } = chooseTile(device, p);
        if (tile.kind !== 'workgroup') throw new Error('expected a tile in workgroup memory');
        return [tile.rows, tile.cols, splits];
      };
      expect(choice(product(4096, 4096, 4096))).toEqual([128, 128, 1]);
      expect(choice(product(1024, 1024, 1024))).toEqual([64, 64, 1]);
      expect(choice(product(64, 576, 100_000))).toEqual([64, 64, 29]);
      expect(choice(product(64, 576, 100_000, { splittable: false }))).toEqual([32, 32, 1]);
      expect(choice(product(16, 32_768, 16, { splittable: false }))).toEqual([16, 128, 1]);
      expect(choice(product(70, 70, 16, { parts: 1024 }))).toEqual([32, 32, 1]);
    } finally {
      await device.close();
    }
  });

  it('run end to end where a device is taken for a GPU', async () => {
    const device = await openDevice({ deviceClass: 'discrete', poison: true });
    try {
      for (const c of [CORE[0], MORE[1]]) {
        const { run, expected } = c.draw(new Inputs(c.name));
        const out = scope(() => run(device));
        expectClose(await out.data(), expected, { rtol: 3e-6, what: c.name });
        out.dispose();
      }
      expect(
        device.pipelines
          .list()
          .filter((p) => p.name === 'gemm')
          .map((p) => p.source.includes('var<workgroup>')),
      ).toEqual([true, true]);
    } finally {
      await device.close();
    }
  });

  it('offer candidates that all can run, and refuse what cannot', () => {
    const candidates = tileCandidates(t.device);
    expect(candidates.length).toBeGreaterThan(0);
    for (const tile of candidates) expect(() => checkTile(t.device, tile)).not.toThrow();
    const refused = (tile: Tile, text: string) => {
      expect(() => checkTile(t.device, tile)).toThrow(ArgumentError);
      expect(() => checkTile(t.device, tile)).toThrow(text);
    };
    refused(
      { ...GPU_TILES[0], rows: 96 },
      'gemm: expected a tile and blocks of powers of two, 4 at least, got 96 x 128',
    );
    refused({ ...GPU_TILES[0], depth: 1024 }, 'bytes of workgroup memory, got 2097152');
    refused({ ...GPU_TILES[0], rows: 512, blockRows: 4, blockCols: 4 }, 'invocations, got 4096');
    refused({ kind: 'subgroup', lanes: 3, rows: 8, quads: 1, unroll: true }, 'lanes equal to the subgroup size');
    refused(
      { kind: 'subgroup', lanes: t.device.subgroupSize, rows: 6, quads: 1, unroll: true },
      'rows as a multiple of 4, got 6',
    );
    overrideTiles(t.device, () => ({ tile: { ...GPU_TILES[0], rows: 96 }, splits: 1, why: 'forced' }));
    try {
      scope(() => {
        const a = tensor(t.device, new Float32Array(16), { shape: [4, 4] });
        expect(() => matmul(a, a)).toThrow(ArgumentError);
      });
    } finally {
      overrideTiles(t.device, null);
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
    if (result.subgroupSize !== 16)
      return console.log(`skipped: subgroups of ${result.subgroupSize} on ${result.device} here`);
    expect(failures(result.runs)).toEqual([]);
    expect(result.runs.length).toBeGreaterThan(MORE.length);
  }, 180_000);
  it('4: SwiftShader, from the folder SECATEUR_TEST_SWIFTSHADER', async () => {
    const folder = process.env.SECATEUR_TEST_SWIFTSHADER;
    if (!folder || !existsSync(folder))
      return console.log('skipped: SECATEUR_TEST_SWIFTSHADER names no folder with SwiftShader');
    const result = await child({ SECATEUR_VULKAN: folder, VK_DRIVER_FILES: '', VK_ICD_FILENAMES: '' });
    expect(result.subgroupSize).toBe(4);
    expect(failures(result.runs)).toEqual([]);
  }, 180_000);
});
