import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SubgroupTile, WorkgroupTile } from '../../shaders/gemm/spec.js';
import { tune } from '../../src/cli/tune.js';
import { multiplications } from '../../src/cli/tune-products.js';
import { checkTuned, type TunedTable } from '../../src/gpu/tuned-table.js';
import { type Device, matmul, openDevice, scope, type Tensor, tensor } from '../../src/index.js';
import type { Product } from '../../src/ops/gemm.js';
import { chooseTile, overrideTiles } from '../../src/ops/gemm-rules.js';
import { lookUpTuned, nearestPowerOfTwo, type TunedProduct, tunedKey } from '../../src/ops/tuned.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';

const t = testDevice();

const product = (p: Partial<TunedProduct> = {}): TunedProduct => ({
  problem: 'matmul',
  rows: 64,
  cols: 96,
  depth: 128,
  parts: 1,
  phases: 1,
  splittable: true,
  spec: { p: { load: 'k4', half: false }, q: { load: 'i4', half: false } },
  ...p,
});

const TILE: WorkgroupTile = {
  kind: 'workgroup',
  rows: 32,
  cols: 32,
  depth: 16,
  blockRows: 4,
  blockCols: 4,
  buffers: 1,
  unroll: false,
};

const table = (
  adapter: string,
  keys: readonly string[],
  tile: SubgroupTile | WorkgroupTile = TILE,
  splits = 1,
): TunedTable => ({
  schema: 1,
  adapter,
  driver: 'a driver',
  version: '0.0.0',
  candidates: 'abc',
  entries: keys.map((key) => ({ key, tile, splits, measurements: [{ tile, splits, us: 10, n: 3 }] })),
});

/** The product that an op makes. */
function productOf(device: Device, op: () => Tensor): Product {
  const seen: Product[] = [];
  overrideTiles(device, (p) => {
    seen.push(p);
    return null;
  });
  scope(() => void op());
  overrideTiles(device, null);
  expect(seen.length).toBe(1);
  return seen[0];
}

describe('keys', () => {
  test('say what they stand for', () => {
    expect(tunedKey(product())).toBe('matmul k4 i4 64 x 128 x 128, 1 part, split');
    const conv = product({ problem: 'convInput', parts: 3, phases: 4, splittable: false });
    expect(tunedKey({ ...conv, spec: { p: { load: 'scalar', half: true }, q: { load: 'k4', half: false } } })).toBe(
      'convInput scalar f16 k4 64 x 128 x 128, 16 parts, whole',
    );
  });

  test('sizes go to the nearest power of two by ratio', () => {
    expect([0, 1, 2, 3, 5, 6, 90, 91, 512, 724, 725].map(nearestPowerOfTwo)).toEqual([
      1, 1, 2, 4, 4, 8, 64, 128, 512, 512, 1024,
    ]);
  });

  test('differ in everything that a tile depends on', () => {
    const others = [
      product({ problem: 'convWeight' }),
      product({ rows: 128 }),
      product({ cols: 300 }),
      product({ depth: 20 }),
      product({ parts: 8 }),
      product({ splittable: false }),
      product({ spec: { p: { load: 'i4', half: false }, q: { load: 'i4', half: false } } }),
      product({ spec: { p: { load: 'k4', half: false }, q: { load: 'i4', half: true } } }),
    ];
    expect(new Set([product(), ...others].map(tunedKey)).size).toBe(others.length + 1);
  });
});

describe('tables', () => {
  test('are looked up by key', () => {
    const some = table('a', [tunedKey(product()), tunedKey(product({ rows: 512 }))]);
    expect(lookUpTuned(some, product({ rows: 70 }))).toBe(some.entries[0]);
    expect(lookUpTuned(some, product({ rows: 400 }))).toBe(some.entries[1]);
    expect(lookUpTuned(some, product({ rows: 256 }))).toBeNull();
  });

  test.each<[string, (t: TunedTable) => unknown, string]>([
    ['no object', () => [], 'the table as an object, got []'],
    ['null', () => null, 'the table as an object, got null'],
    ['another schema', (x) => ({ ...x, schema: 2 }), 'schema 1, got 2'],
    ['no driver', (x) => ({ ...x, driver: undefined }), 'driver as a text, got undefined'],
    ['another adapter', (x) => ({ ...x, adapter: 'b' }), "a table measured on 'a', got one of 'b'"],
    ['entries that are no list', (x) => ({ ...x, entries: {} }), 'entries as a list, got {}'],
    ['a key twice', (x) => ({ ...x, entries: [x.entries[0], x.entries[0]] }), 'each key once, got'],
    [
      'an unknown kind',
      (x) => edit(x, 'tile', { ...TILE, kind: 'warp' }),
      'entries[0].tile.kind subgroup or workgroup, got warp',
    ],
    ['no rows', (x) => edit(x, 'tile', { ...TILE, rows: 0 }), 'entries[0].tile.rows as a whole number >= 1, got 0'],
    [
      'a text for rows',
      (x) => edit(x, 'tile', { ...TILE, rows: '32' }),
      'entries[0].tile.rows as a whole number >= 1, got 32',
    ],
    ['no unroll', (x) => edit(x, 'tile', { ...TILE, unroll: 1 }), 'entries[0].tile.unroll true or false, got 1'],
    ['no splits', (x) => edit(x, 'splits', 1.5), 'entries[0].splits as a whole number >= 1, got 1.5'],
    [
      'splits of a whole',
      (x) => edit(edit(x, 'key', 'x, whole'), 'splits', 2),
      "entries[0].splits as 1 for 'x, whole', got 2",
    ],
    [
      'a time of zero',
      (x) => edit(x, 'measurements', [{ tile: TILE, splits: 1, us: 0, n: 3 }]),
      'entries[0].measurements[0].us above 0, got 0',
    ],
  ])('%s is refused', async (_, change, message) => {
    const good = table('a', ['x, split']);
    expect(() => checkTuned(good, 'a')).not.toThrow();
    expect(() => checkTuned(change(structuredClone(good)), 'a')).toThrow(`tuned: expected ${message}`);
  });

  const edit = (x: TunedTable, field: string, value: unknown): TunedTable => ({
    ...x,
    entries: [{ ...x.entries[0], [field]: value }],
  });

  test('are refused when the device is opened', async () => {
    await expect(openDevice({ tuned: table('another', []) })).rejects.toThrow("a table measured on '");
    await expect(openDevice({ tuned: 'file.json' as never })).rejects.toThrow('the table as an object, got file.json');
  });
});

describe('a device with a table', () => {
  test('takes its tiles from it, gives way to overrides, and leaves the rest to the rules', async () => {
    const inputs = new Inputs('tuned');
    const [a, b] = [inputs.uniform(40 * 64), inputs.uniform(64 * 72)];
    const multiply = (device: Device) =>
      scope(() => matmul(tensor(device, a, { shape: [40, 64] }), tensor(device, b, { shape: [64, 72] })));
    const expected = multiply(t.device);
    const values = await expected.data();
    expected.dispose();

    const p = productOf(t.device, () => multiply(t.device));
    const rules = chooseTile(t.device, p);
    const device = await openDevice({ tuned: table(t.device.name, [tunedKey(p)], TILE, 2), poison: true });
    try {
      const choice = chooseTile(device, p);
      expect(choice).toEqual({ tile: TILE, splits: 2, why: `tuned: ${tunedKey(p)}` });
      expect(choice.tile).not.toEqual(rules.tile);
      const c = multiply(device);
      expectClose(await c.data(), values, { rtol: 1e-5 });
      c.dispose();
      expect(device.pipelines.list().some((l) => l.key.includes(JSON.stringify(TILE)))).toBe(true);

      expect(chooseTile(device, { ...p, rows: 4 * p.rows })).toEqual(chooseTile(t.device, { ...p, rows: 4 * p.rows }));
      overrideTiles(device, () => rules);
      expect(chooseTile(device, p)).toBe(rules);
      overrideTiles(device, null);
    } finally {
      await device.close();
    }
  });

  test('refuses a tile that does not fit it', async () => {
    const p = productOf(t.device, () => matmul(tensor(t.device, [[1, 2]]), tensor(t.device, [[1], [2]])));
    const tooLarge = { ...TILE, rows: 1024, cols: 1024 };
    const device = await openDevice({ tuned: table(t.device.name, [tunedKey(p)], tooLarge) });
    try {
      expect(() => scope(() => matmul(tensor(device, [[1, 2]]), tensor(device, [[1], [2]])))).toThrow(
        /at most \d+ invocations/,
      );
    } finally {
      await device.close();
    }
  });
});

describe('secateur tune', () => {
  test('writes a table that a device takes, with keys that its products have', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'secateur-tune-'));
    try {
      const out = join(folder, 'deep', 'table.json');
      expect(await tune({ quick: true, out })).toBe(0);
      const tuned = JSON.parse(readFileSync(out, 'utf8')) as TunedTable;
      expect(tuned.entries.length).toBeGreaterThan(20);
      const device = await openDevice({ tuned });
      try {
        const { inputs, run } = multiplications(device, true)[0];
        const p = productOf(device, () => run(inputs()));
        const entry = lookUpTuned(tuned, p);
        expect(entry?.measurements.length).toBeGreaterThan(1);
        expect(chooseTile(device, p).tile).toEqual(entry?.tile);
        const times = entry!.measurements.map((m) => m.us);
        const won = entry!.measurements.find(
          (m) => m.splits === entry!.splits && JSON.stringify(m.tile) === JSON.stringify(entry!.tile),
        );
        expect(won!.us).toBeLessThanOrEqual(1.04 * Math.min(...times));
      } finally {
        await device.close();
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
