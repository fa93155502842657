import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../gpu/dawn.js';
import { type Device, openDevice } from '../gpu/device.js';
import type { TunedEntry, TunedMeasurement, TunedTable } from '../gpu/tuned-table.js';
import type { Product } from '../ops/gemm.js';
import { chooseTile, overrideTiles, type TileChoice, tileCandidates } from '../ops/gemm-rules.js';
import { tunedKey } from '../ops/tuned.js';
import { median } from '../sparse/median.js';
import { scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Multiplication, multiplications } from './tune-products.js';
import { tuneSparse } from './tune-sparse.js';

export interface TuneOptions {
  /** Where to write the table; default `.tuned/<adapter>.json`. */
  out?: string;
  /** Only an adapter whose name contains this. */
  adapter?: string;
  /** Few products and samples: to see that it works. */
  quick?: boolean;
}

/** Ways to cut k that are tried where a product allows it. */
const SPLITS = [1, 2, 4, 8, 16, 32];
/** Fewest k in one split. */
const LEAST_DEPTH = 64;
/** The rules' own choice stays unless another is faster by this factor: the rest is noise. */
const MARGIN = 1.03;
/** Largest difference between two tiles' results, relative to the largest element. */
const TOLERANCE = 1e-4;

/**
 * Measures every legal tile on a grid of products on this machine's adapter and writes the winners to a table, which
 * `openDevice({ tuned })` takes. Candidates of one product are timed in turn, by GPU timestamps where there are any.
 *
 * @returns the exit code: 0, or 1 when tiles disagreed about a result
 */
export async function tune(options: TuneOptions = {}): Promise<number> {
  const device = await openDevice({ adapter: options.adapter, toggles: { disable: ['timestamp_quantization'] } });
  try {
    const out = options.out ?? join('.tuned', `${slug(device.name)}.json`);
    const products = multiplications(device, options.quick ?? false);
    const progress = progressLine(products.length);
    const found = new Map<string, TunedEntry>();
    const disagreements: string[] = [];
    let improved = 0;
    for (const [i, multiplication] of products.entries()) {
      progress(i, multiplication.name);
      const result = await measure(device, multiplication, options.quick ? 3 : 5);
      disagreements.push(...result.disagreements);
      if (result.improved) improved++;
      // Two sizes can round to one key; the first stands.
      for (const entry of result.entries) if (!found.has(entry.key)) found.set(entry.key, entry);
    }
    progress(products.length, 'done; sparse forms of layers');
    const sparse = await tuneSparse(
      device,
      (run) => callTime(device, run),
      options.quick ? 2 : 5,
      options.quick ?? false,
    );
    const table: TunedTable = {
      schema: 1,
      adapter: device.name,
      driver: device.facts.description,
      version: packageVersion(),
      candidates: checksum(device),
      entries: [...found.values()],
      sparse,
    };
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, format(table));
    console.log(
      `${products.length} products on ${device.name}: the rules were beaten on ${improved}; ${found.size} entries and ${sparse.length} sparse forms in ${out}`,
    );
    for (const line of disagreements) console.error(line);
    return disagreements.length === 0 ? 0 : 1;
  } finally {
    await device.close();
  }
}

interface Measured {
  entries: TunedEntry[];
  /** Whether a tile beat the rules' choice. */
  improved: boolean;
  disagreements: string[];
}

async function measure(device: Device, multiplication: Multiplication, rounds: number): Promise<Measured> {
  const inputs = multiplication.inputs();
  const run = () => multiplication.run(inputs);
  try {
    const { product, choice: rules } = observe(device, run);
    const choices = choicesFor(device, product, rules);
    const disagreements: string[] = [];
    let expected: ArrayLike<number> | null = null;
    const agreeing: TileChoice[] = [];
    for (const choice of choices) {
      // The rules' choice comes first, and all others must give its result.
      const values = await withTile(device, choice, async () => {
        const c = scope(run);
        try {
          return await c.data();
        } finally {
          c.dispose();
        }
      });
      expected ??= values;
      const difference = relativeDifference(values, expected);
      if (difference <= TOLERANCE) agreeing.push(choice);
      else
        disagreements.push(
          `${multiplication.name}: ${describe(choice)} differs from the rules' choice by ${difference}`,
        );
    }
    const times = agreeing.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, choice] of agreeing.entries())
        times[i].push(await withTile(device, choice, () => callTime(device, run)));
    }
    const measurements = agreeing.map(
      ({ tile, splits }, i): TunedMeasurement => ({ tile, splits, us: median(times[i]), n: rounds }),
    );
    const whole = measurements.filter((m) => m.splits === 1);
    const entries = [
      ...(product.splittable && measurements.length > 0 ? [entryOf(device, product, measurements)] : []),
      ...(whole.length > 0 ? [entryOf(device, { ...product, splittable: false }, whole)] : []),
    ];
    return { entries, improved: entries.length > 0 && !same(entries[0], rules), disagreements };
  } finally {
    for (const t of inputs) t.dispose();
  }
}

/** The winner, or what the rules choose where that is about as fast. */
function entryOf(device: Device, product: Product, measurements: TunedMeasurement[]): TunedEntry {
  const rules = chooseTile(device, product);
  const fastest = measurements.reduce((a, b) => (b.us < a.us ? b : a));
  const theirs = measurements.find((m) => same(m, rules));
  const best = theirs && theirs.us <= MARGIN * fastest.us ? theirs : fastest;
  return { key: tunedKey(product), tile: best.tile, splits: best.splits, measurements };
}

type Cut = Pick<TileChoice, 'tile' | 'splits'>;
const same = (a: Cut, b: Cut): boolean => a.splits === b.splits && JSON.stringify(a.tile) === JSON.stringify(b.tile);

/** The product that an op asks a tile for, and what the rules choose for it. */
function observe(device: Device, run: () => Tensor): { product: Product; choice: TileChoice } {
  const seen: Product[] = [];
  overrideTiles(device, (product) => {
    seen.push(product);
    return null;
  });
  try {
    scope(() => void run());
  } finally {
    overrideTiles(device, null);
  }
  if (seen.length !== 1) throw new Error(`tune: expected an op of one product, got ${seen.length}`);
  return { product: seen[0], choice: chooseTile(device, seen[0]) };
}

/** The rules' choice, then every tile with every useful number of splits. */
function choicesFor(device: Device, product: Product, rules: TileChoice): TileChoice[] {
  const enough = 32 * (device.deviceClass === 'software' ? (device.driver?.cores ?? 4) : 128);
  const all = [rules];
  for (const tile of tileCandidates(device)) {
    const cols = tile.kind === 'subgroup' ? 4 * tile.lanes * tile.quads : tile.cols;
    const tiles = Math.ceil(product.rows / tile.rows) * Math.ceil(product.cols / cols) * product.parts * product.phases;
    for (const splits of SPLITS) {
      const useful =
        splits === 1 || (product.splittable && product.depth / splits >= LEAST_DEPTH && tiles * (splits / 2) < enough);
      const known = all.some((c) => same(c, { tile, splits }));
      if (useful && !known) all.push({ tile, splits, why: 'tune' });
    }
  }
  return all;
}

async function withTile<T>(device: Device, choice: TileChoice, work: () => Promise<T>): Promise<T> {
  overrideTiles(device, () => choice);
  try {
    return await work();
  } finally {
    overrideTiles(device, null);
  }
}

/** Time of one call in microseconds: GPU time where there are timestamps, else wall time of sixteen calls, by sixteen. */
async function callTime(device: Device, run: () => Tensor | Tensor[]): Promise<number> {
  const call = () => scope(() => void run());
  if (device.hasTimestamps) return (await device.profile(call)).reduce((sum, row) => sum + row.ns, 0) / 1000;
  const start = performance.now();
  for (let i = 0; i < 16; i++) call();
  await device.sync();
  return ((performance.now() - start) / 16) * 1000;
}

/** NaN where any element is. */
function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let worst = 0;
  let scale = 0;
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
    scale = Math.max(scale, Math.abs(expected[i]));
  }
  return scale === 0 ? worst : worst / scale;
}

const describe = ({ tile, splits }: TileChoice): string => `${JSON.stringify(tile)} in ${splits} splits`;

const slug = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

/** Of all that could have been chosen, so that a table can be seen to be older than a new tile. */
const checksum = (device: Device): string =>
  createHash('sha256')
    .update(JSON.stringify([tileCandidates(device), SPLITS]))
    .digest('hex')
    .slice(0, 16);

/** JSON with one line a measurement. */
function format(table: TunedTable): string {
  const flat = (m: TunedMeasurement) => `        ${JSON.stringify({ ...m, us: Math.round(m.us * 10) / 10 })}`;
  const entries = table.entries.map(
    (e) =>
      `    {\n      "key": ${JSON.stringify(e.key)},\n      "tile": ${JSON.stringify(e.tile)},\n      "splits": ${e.splits},\n      "measurements": [\n${e.measurements.map(flat).join(',\n')}\n      ]\n    }`,
  );
  const sparse = table.sparse?.map((e) => `    ${JSON.stringify(e)}`) ?? [];
  const head = Object.entries(table).filter(([field]) => field !== 'entries' && field !== 'sparse');
  return `{\n${head.map(([k, v]) => `  ${JSON.stringify(k)}: ${JSON.stringify(v)}`).join(',\n')},\n  "entries": [\n${entries.join(',\n')}\n  ],\n  "sparse": [\n${sparse.join(',\n')}\n  ]\n}\n`;
}

function packageVersion(): string {
  const root = packageRoot();
  if (!root) return 'unknown';
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}

/** One line that is rewritten on a terminal, and a line now and then elsewhere. */
function progressLine(total: number): (done: number, name: string) => void {
  let last = 0;
  return (done, name) => {
    const text = `${done}/${total} ${name}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}${done === total ? '\n' : ''}`);
    else if (done === total || performance.now() - last > 5000) {
      last = performance.now();
      process.stderr.write(`${text}\n`);
    }
  };
}
