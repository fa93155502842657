import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, runModule, scratch } from '../setup/child.js';

/** Trains nothing, but uses everything that holds on to the GPU: buffers, a compiled step, readbacks. */
const work = `
  import { add, compile, matmul, openDevice, tensor } from 'src/index.ts';
  const device = await openDevice();
  const a = tensor(device, new Float32Array(64 * 64).fill(1), { shape: [64, 64] });
  const step = compile(device, (x) => add(matmul(x, x), 1));
  for (let i = 0; i < 4; i++) console.log('value', (await step(a).data())[0]);`;
/** Says when the work was over: what follows is the end of the process. */
const done = `console.log('over ' + (performance.timeOrigin + performance.now()));`;
const sinceOver = (text: string) =>
  performance.timeOrigin + performance.now() - Number(/over ([\d.]+)/.exec(text)?.[1]);

const nodeArgs = (text: string) => [
  '--import',
  'tsx',
  '--input-type=module',
  '-e',
  text.replaceAll("'src/", `'${ROOT}src/`),
];
const env = { ...process.env, NODE_OPTIONS: '' };
const hasScript = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') ?? false;

describe('after close() the process ends by itself', () => {
  it('with stdout a pipe', async () => {
    const child = await runModule(`${work} await device.close(); ${done}`);
    expect(child).toMatchObject({ code: 0, signal: null });
    expect(child.stdout).toMatch(/^(value 65\n){4}over /);
    expect(sinceOver(child.stdout)).toBeLessThan(1000);
  });

  it('with stdout a file', async () => {
    const file = join(scratch(), 'out.txt');
    const fd = openSync(file, 'w');
    const child = spawn(process.execPath, nodeArgs(`${work} await device.close(); ${done}`), {
      cwd: ROOT,
      env,
      stdio: ['ignore', fd, 'ignore'],
    });
    const ended = await new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
    closeSync(fd);
    const text = readFileSync(file, 'utf8');
    expect(ended).toEqual({ code: 0, signal: null });
    expect(sinceOver(text)).toBeLessThan(1000);
  });

  it.skipIf(!hasScript)('with stdout a terminal', async () => {
    const file = join(scratch(), 'module.mts');
    const { writeFileSync } = await import('node:fs');
    writeFileSync(
      file,
      `${work} await device.close(); console.log('terminal ' + process.stdout.isTTY); ${done}`.replaceAll(
        "'src/",
        `'${ROOT}src/`,
      ),
    );
    const child = spawn('script', ['-qec', `'${process.execPath}' --import tsx '${file}'`, '/dev/null'], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const ended = await new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
    expect(ended).toEqual({ code: 0, signal: null });
    expect(text).toContain('terminal true');
    expect(sinceOver(text)).toBeLessThan(1000);
  });

  it('after a loss and after failures, too', async () => {
    const child = await runModule(
      `${work}
       device.gpuDevice.createBuffer({ size: 16, usage: 0xffff });
       await device.sync().catch((error) => console.log(error.name));
       device.gpuDevice.destroy();
       await device.sync().catch((error) => console.log(error.name));
       await device.close(); ${done}`,
    );
    expect(child).toMatchObject({ code: 0, signal: null });
    expect(child.stdout).toContain('ValidationError\nDeviceLostError\nover');
    expect(sinceOver(child.stdout)).toBeLessThan(1000);
  });
});

describe('without close()', () => {
  // A device left open does not keep the process alive, nor does its collection at exit crash it.
  it('the process ends all the same', async () => {
    const child = await runModule(`${work} ${done}`);
    expect(child).toMatchObject({ code: 0, signal: null });
    expect(sinceOver(child.stdout)).toBeLessThan(2000);
  });

  it('an error that nobody catches ends it with a code other than 0', async () => {
    const thrown = await runModule(`${work} add(a, tensor(device, [1, 2, 3]));`);
    expect(thrown).toMatchObject({ code: 1, signal: null });
    expect(thrown.stderr).toContain('ShapeError: add: expected shapes that broadcast together, got [64, 64] and [3]');
  });

  it('a rejected wait that nobody catches does, too', async () => {
    const child = await runModule(
      `${work} device.gpuDevice.createBuffer({ size: 16, usage: 0xffff }); void device.sync();`,
    );
    expect(child).toMatchObject({ code: 1, signal: null });
    expect(child.stderr).toContain('ValidationError');
  });
});
