import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, runNode } from '../setup/child.js';
import { builtDist, entries, manifest } from './built.js';
import { graph } from './graph.js';

const folder = mkdtempSync(join(tmpdir(), 'secateur-pack-'));
const app = join(folder, 'app');
const home = join(app, 'node_modules', manifest.name);
let packed: { files: { path: string; size: number }[]; filename: string; size: number; unpackedSize: number };

/** Packs the built package as npm would publish it, and unpacks it into the node_modules of a fresh folder. */
beforeAll(() => {
  const stage = join(folder, 'stage');
  const dist = builtDist();
  cpSync(dist, join(stage, 'dist'), { recursive: true });
  if (dist !== join(ROOT, 'dist')) rmSync(dist, { recursive: true, force: true });
  for (const file of ['package.json', 'README.md', 'LICENSE', 'native-notes.md'])
    if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(stage, file));
  cpSync(join(ROOT, 'bench', 'README.md'), join(stage, 'bench', 'README.md'));
  cpSync(join(ROOT, 'bench', 'peers'), join(stage, 'bench', 'peers'), {
    recursive: true,
    filter: (path) => !path.includes(join('peers', 'node_modules')),
  });
  const npm = spawnSync('npm', ['pack', '--json', '--ignore-scripts'], {
    cwd: stage,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) throw new Error(`npm pack failed: ${npm.stderr}`);
  [packed] = JSON.parse(npm.stdout);
  mkdirSync(home, { recursive: true });
  const tar = spawnSync('tar', ['-xzf', join(stage, packed.filename), '-C', home, '--strip-components=1'], {
    encoding: 'utf8',
  });
  if (tar.status !== 0) throw new Error(`tar failed: ${tar.stderr}`);
  for (const name of Object.keys(manifest.dependencies)) {
    const link = join(app, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link, 'junction');
  }
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// The driver that setup unpacked belongs to the checkout; an installed package looks for one of its own.
const env =
  existsSync(join(ROOT, '.vulkan')) && !process.env.SECATEUR_VULKAN ? { SECATEUR_VULKAN: join(ROOT, '.vulkan') } : {};

describe('the packed tarball', () => {
  it('holds the built package with types and source maps, its licence, and nothing else', () => {
    const paths = packed.files.map((f) => f.path);
    for (const path of [
      'package.json',
      'LICENSE',
      'dist/src/index.js',
      'dist/src/index.d.ts',
      'dist/src/index.js.map',
      'dist/shaders/map.js',
    ])
      expect(paths).toContain(path);
    expect(
      paths.filter(
        (p) =>
          !/^dist\/(src|shaders|bench)\/.*\.(m?js|d\.m?ts)(\.map)?$|^(package\.json|LICENSE|README\.md|native-notes\.md)$|^bench\/(README\.md$|peers\/)/.test(
            p,
          ),
      ),
    ).toEqual([]);
    expect(paths).toContain('bench/peers/peer.mjs');
    expect(paths).toContain('bench/peers/python/peer.py');
    expect(paths.filter((p) => p.includes('node_modules') || p.includes('__pycache__'))).toEqual([]);
    // Source maps are three fifths of it: they hold their sources, which no other file of the package does.
    expect(packed.size).toBeLessThan(3e6);
    expect(packed.unpackedSize).toBeLessThan(10e6);
    for (const { path } of packed.files.filter((f) => /\.(js|json)$/.test(f.path))) {
      expect(readFileSync(join(home, path), 'utf8').includes(ROOT), `${path} names the folder it was built in`).toBe(
        false,
      );
    }
  });

  it('computes, trains and generates data when imported from a fresh folder, by every sub-path', async () => {
    writeFileSync(
      join(app, 'main.mjs'),
      `${entries.map(([subPath], i) => `import * as m${i} from '${manifest.name}${subPath.slice(1)}';`).join('\n')}
import { compile, grad, matmul, mseLoss, openDevice, scope, tensor } from 'secateur';
import { mlp, Model } from 'secateur/nn';
import { sgd } from 'secateur/optim';
import { generateDigits } from 'secateur/data';
const modules = [${entries.map((_, i) => `m${i}`).join(', ')}].map((m) => Object.keys(m).length);
const device = await openDevice();
const product = await scope(() => matmul(tensor(device, [[1, 2], [3, 4]]), tensor(device, [[5, 6], [7, 8]]))).data();
const model = new Model(device, mlp([2, 3, 1]), { seed: 1 });
const optimiser = sgd(model.parameters, { lr: 0.1 });
const step = compile(device, (x, y) => {
  const loss = mseLoss(model.forward(x), y);
  optimiser.step(grad(loss, model.parameters.list()));
  return loss;
});
const losses = [];
const [x, y] = [tensor(device, [[1, 2], [3, -1]]), tensor(device, [[1], [-1]])];
for (let i = 0; i < 20; i++) losses.push(await step(x, y).item());
const digits = typeof generateDigits;
await device.close();
console.log(JSON.stringify({ modules, product: [...product], losses: [losses[0], losses[19]], digits }));
`,
    );
    const child = await runNode([join(app, 'main.mjs')], env);
    expect(child.stderr.replace(/^Warning: .*\n/gm, '')).toBe('');
    expect(child).toMatchObject({ code: 0, signal: null });
    const { modules, product, losses, digits } = JSON.parse(child.stdout);
    expect(Math.min(...modules)).toBeGreaterThan(0);
    expect(product).toEqual([19, 22, 43, 50]);
    expect(losses[1]).toBeLessThan(losses[0] / 2);
    expect(digits).toBe('function');
  });

  it("measures, with the kernel variant of the bench's README beside its own", async () => {
    const readme = readFileSync(join(home, 'bench', 'README.md'), 'utf8');
    const [, example] = /<!-- example -->\n```js\n([\s\S]*?)```/.exec(readme) ?? [];
    expect(example).toContain('spmmVariant({');
    const variant = join(app, 'variant.mjs');
    writeFileSync(variant, example);
    const out = join(app, 'result.json');
    const args = ['bench', 'spmm', '--quick', '--filter', 'square 512', '--with', variant, '--out', out];
    const child = await runNode([join(home, manifest.bin.secateur), ...args], env);
    expect(child.stdout).toMatch(/one thread an element +\d/);
    const { rows } = JSON.parse(readFileSync(out, 'utf8'));
    const mine = rows.filter((r: { candidate: string }) => r.candidate === 'one thread an element');
    expect(mine.length).toBe(3);
    for (const row of mine) {
      expect(row.error).toBeUndefined();
      expect(row.check.error).toBeLessThan(1e-5);
      expect(row.wall.median).toBeGreaterThan(0);
    }
    expect(readFileSync(join(app, 'result.html'), 'utf8')).toContain('one thread an element');
  });

  it('gives its types to a strict consumer', () => {
    writeFileSync(
      join(app, 'main.ts'),
      `import { add, type CompiledStep, compile, type Device, openDevice, type Tensor } from 'secateur';
import { Linear, Model } from 'secateur/nn';
import { adamw, cosine } from 'secateur/optim';
const device: Device = await openDevice({ prefer: 'any' });
const model = new Model(device, new Linear(2, 3), { seed: 1 });
export const optimiser = adamw(model.parameters, { lr: 0.1, schedule: cosine(10) });
export const step: CompiledStep<[Tensor], Tensor> = compile(device, (x: Tensor) => add(model.forward(x), 1));
// @ts-expect-error an option that does not exist
await openDevice({ fast: true });
// @ts-expect-error a string is no tensor
step('x');
`,
    );
    const options = {
      module: 'nodenext',
      moduleResolution: 'nodenext',
      target: 'es2023',
      lib: ['es2023', 'esnext.disposable', 'dom'],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: [],
    };
    writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['main.ts'] }));
    const tsc = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', app], {
      encoding: 'utf8',
    });
    expect(tsc.stdout + tsc.stderr).toBe('');
    expect(tsc.status).toBe(0);
  });
});

describe('the module graph of', () => {
  // Sub-paths that end in /node are for Node alone, and so are studies, which live in files.
  it.each(entries.filter(([subPath]) => !subPath.endsWith('/node') && subPath !== './studies'))(
    '%s holds no node: module and no dependency but the WGSL preprocessor; Dawn is loaded on demand',
    (_, file) => {
      const { modules, packages, dynamics } = graph(home, file);
      expect([...packages.keys()].filter((p) => p !== 'wgsl-preprocessor/wgsl-preprocessor.js')).toEqual([]);
      for (const [from, what] of dynamics) expect([from, what]).toEqual(['dist/src/gpu/device.js', './dawn.js']);
      expect(modules.filter((m) => /^dist\/src\/(cli|setup)\/|dawn\.js$/.test(m))).toEqual([]);
      expect(readFileSync(join(home, file), 'utf8').length).toBeGreaterThan(0);
    },
  );

  it('the engine reaches Dawn by exactly one door', () => {
    const { modules, dynamics } = graph(home, 'dist/src/index.js');
    expect(dynamics).toEqual([['dist/src/gpu/device.js', './dawn.js']]);
    expect(modules.length).toBeGreaterThan(50);
    const { packages, dynamics: within } = graph(home, 'dist/src/gpu/dawn.js');
    expect([...packages.keys()].every((p) => p.startsWith('node:'))).toBe(true);
    expect(within).toEqual([['dist/src/gpu/dawn.js', 'webgpu']]);
  });
});

describe('the manifest', () => {
  it('names files that exist', () => {
    const targets = Object.values(manifest.exports).flatMap((t) => (typeof t === 'string' ? [] : [t.types, t.default]));
    for (const file of [...targets, ...Object.values(manifest.bin)])
      expect(existsSync(join(home, file)), file).toBe(true);
    for (const file of targets.filter((f) => f.endsWith('.js')))
      expect(existsSync(join(home, `${file}.map`)), `${file}.map`).toBe(true);
  });

  it('has a command that a shell can start', () => {
    for (const file of Object.values(manifest.bin))
      expect(readFileSync(join(home, file), 'utf8').startsWith('#!/usr/bin/env node\n'), file).toBe(true);
  });
});
