import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as files from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Device, DeviceLostError, FormatError, openDevice } from '../../src/index.js';
import { Model } from '../../src/nn/index.js';
import { cosine, type Optimiser, sgd } from '../../src/optim/index.js';
import {
  CheckpointError,
  decodeCheckpoint,
  encodeCheckpoint,
  type FitOptions,
  fit as fitModel,
} from '../../src/train/index.js';
import { checkpointFile, StorageError, tensorboard, writeAtomically } from '../../src/train/node/index.js';
import { ROOT, runNode, scratch } from '../setup/child.js';
import { testDevice } from '../support/device.js';
import { SEED } from '../support/random.js';
import { decodeEvents } from './events.js';
import { images, network, upload } from './support.js';

const t = testDevice();
const CHILD = join(ROOT, 'test/train/resume-child.ts');
const env = { SECATEUR_TEST_SEED: String(SEED) };

async function child(...args: string[]): Promise<void> {
  const ended = await runNode(['--import', 'tsx', CHILD, ...args], env);
  expect(ended.stderr.replace(/^Warning: .*\n/gm, '')).toBe('');
  expect(ended.code).toBe(0);
}
const read = (folder: string, name: string): string => readFileSync(join(folder, name)).toString('hex');

describe('a resumed run', () => {
  it('in a fresh process ends with the bytes of one that was never stopped', async () => {
    const folder = scratch();
    await Promise.all([child(folder, 'whole', '2'), child(folder, 'parts', '1')]);
    expect(read(folder, 'parts.bin')).not.toBe(read(folder, 'whole.bin'));
    await child(folder, 'parts', '2');
    for (const end of ['bin', 'json', 'ckpt']) expect(read(folder, `parts.${end}`)).toBe(read(folder, `whole.${end}`));
  });

  it('that was killed while it wrote checkpoints has a whole one, and ends with the same bytes', async () => {
    const folder = scratch();
    await child(folder, 'whole', '6');
    // A checkpoint after every step, killed at some moment after the first few.
    const process_ = spawn(process.execPath, ['--import', 'tsx', CHILD, folder, 'killed', '6', '1'], {
      cwd: ROOT,
      env: { ...process.env, NODE_OPTIONS: '', ...env },
    });
    let saved = 0;
    process_.stdout.on('data', (text: Buffer) => {
      saved += text.toString().split('\n').length - 1;
      if (saved >= 3) setTimeout(() => process_.kill('SIGKILL'), Math.random() * 20);
    });
    const signal = await new Promise((done) => process_.on('close', (_, s) => done(s)));
    expect(signal).toBe('SIGKILL');
    expect(existsSync(join(folder, 'killed.bin'))).toBe(false);
    const { step } = decodeCheckpoint(readFileSync(join(folder, 'killed.ckpt'))).state;
    expect(step).toBeGreaterThanOrEqual(3);
    await child(folder, 'killed', '6', '1');
    for (const end of ['bin', 'json']) expect(read(folder, `killed.${end}`)).toBe(read(folder, `whole.${end}`));
    expect(readdirSync(folder).filter((f) => f.endsWith('.tmp'))).toEqual([]);
  });
});

interface Setting extends Partial<FitOptions> {
  hidden?: number;
  seed?: number;
  make?: (model: Model) => Optimiser;
  masked?: boolean;
  device?: Device;
}

/** Trains 5 steps an epoch in this process. @returns the last checkpoint, and the parameters */
async function trained({
  hidden,
  make,
  masked,
  device = t.device,
  ...options
}: Setting): Promise<{ bytes: Uint8Array; flat: Float32Array }> {
  const data = upload(device, images('here', 50));
  const model = new Model(device, network(hidden), { seed: 2 });
  const optimiser = make ? make(model) : sgd(model.parameters, { lr: 0.1, momentum: 0.9 });
  const mask = masked ? model.parameters.like(1) : undefined;
  let bytes = new Uint8Array();
  try {
    const checkpoint = { save: (b: Uint8Array) => void (bytes = b.slice()) };
    await fitModel(model, optimiser, data.inputs, data.targets, { epochs: 1, batch: 10, mask, checkpoint, ...options });
    return { bytes, flat: (await model.parameters.flat.data()) as Float32Array };
  } finally {
    for (const thing of [data.inputs, data.targets, model, optimiser, ...(mask ? [mask] : [])]) thing.dispose();
  }
}

describe('a checkpoint', () => {
  it('amid an epoch goes on to the same bytes, mask and learning rate included', async () => {
    const between = { every: 1, run: () => {} };
    const whole = await trained({ epochs: 3, masked: true, between });
    let middle = new Uint8Array();
    const save = (b: Uint8Array) => void (middle = decodeCheckpoint(b).state.step === 7 ? b.slice() : middle);
    await trained({ epochs: 3, masked: true, checkpoint: { every: 7, save } });
    expect(decodeCheckpoint(middle).state).toMatchObject({ step: 7, losses: 2 });
    const resumed = await trained({ epochs: 3, masked: true, resume: middle });
    expect(Buffer.from(resumed.bytes).equals(Buffer.from(whole.bytes))).toBe(true);
    expect(resumed.flat).toEqual(whole.flat);
  });

  it('outlives the device: a run whose device is lost fails, and goes on on another with the same bytes', async () => {
    const whole = await trained({ epochs: 2 });
    let saved = new Uint8Array();
    const lost = await openDevice();
    const between = { every: 7, run: (step: number) => (step === 7 ? lost.gpuDevice.destroy() : undefined) };
    const checkpoint = { every: 3, save: (b: Uint8Array) => void (saved = b.slice()) };
    await expect(trained({ epochs: 2, between, checkpoint, device: lost })).rejects.toThrow(DeviceLostError);
    await lost.close();
    expect(decodeCheckpoint(saved).state.step).toBe(6);
    expect((await trained({ epochs: 2, resume: saved })).flat).toEqual(whole.flat);
  });

  it('holds parameters, statistics, optimiser, generators and history by name, and reads back as written', async () => {
    const { bytes } = await trained({ onEpoch: async () => ({ test: 1 / 3, no: Number.NEGATIVE_INFINITY }) });
    const checkpoint = decodeCheckpoint(bytes);
    expect([...checkpoint.tensors.keys()]).toEqual(
      expect.arrayContaining([
        ...['parameters/conv.weight', 'statistics/bn.running_var', 'model/generator'],
        ...['optimiser/steps', 'optimiser/base', 'optimiser/slot0'],
      ]),
    );
    expect(checkpoint.state.history[0].measured).toEqual({ test: 1 / 3, no: Number.NEGATIVE_INFINITY });
    expect(Buffer.from(encodeCheckpoint(checkpoint)).equals(Buffer.from(bytes))).toBe(true);
  });

  it.each<[string, Setting, string[]]>([
    ['another width', { hidden: 9 }, ['parameters/fc1.weight: f32[12, 64] there, f32[9, 64] here']],
    ['another batch', { batch: 5 }, ['batch: 10 there, 5 here', 'batches: 5 there, 10 here']],
    ['another seed', { seed: 1 }, ['seed: "0" there, "1" here']],
    ['another config', { config: { augment: true } }, ['augment: not given there, true here']],
    [
      'another optimiser',
      { make: (m) => sgd(m.parameters, { lr: 0.1, schedule: cosine(9), weightDecay: 0.5 }) },
      ['schedule:', 'weightDecay: not given there, 0.5 here', 'optimiser/slot0:', 'none here'],
    ],
    [
      'another learning rate',
      { make: (m) => sgd(m.parameters, { lr: 0.2, momentum: 0.9 }) },
      ['lr: 0.1 there, 0.2 here'],
    ],
    ['a mask', { masked: true }, ['optimiser/mask: none there']],
  ])('is refused for %s, with what differs', async (_, setting, messages) => {
    const { bytes } = await trained({});
    const error: Error = await trained({ ...setting, epochs: 2, resume: bytes }).catch((e) => e);
    expect(error).toBeInstanceOf(CheckpointError);
    for (const message of messages) expect(error.message).toContain(message);
  });

  it('that was cut short or changed anywhere is a FormatError', async () => {
    const { bytes } = await trained({});
    for (const length of [0, 7, 100, bytes.length >> 1, bytes.length - 1])
      expect(() => decodeCheckpoint(bytes.subarray(0, length))).toThrow(FormatError);
    const places = Array.from({ length: 200 }, (_, i) => Math.floor((i * bytes.length) / 200));
    for (const at of [8, 9, ...places]) {
      const changed = bytes.slice();
      changed[at] ^= 1 << (at % 8);
      // A blank of the header may be another blank.
      if (changed[at] !== 0x20 && bytes[at] === 0x20 && /\s/.test(String.fromCharCode(changed[at]))) continue;
      expect(() => decodeCheckpoint(changed), `byte ${at}`).toThrow(FormatError);
    }
    await expect(trained({ resume: bytes.subarray(1) })).rejects.toThrow(FormatError);
  });
});

describe('writing', () => {
  const full = (when: 'write' | 'sync' | 'close'): typeof files =>
    ({
      ...files,
      open: async (path: string, flags: string) => {
        const file = await files.open(path, flags);
        const fail = () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
        return {
          writeFile: async (bytes: Uint8Array) => {
            await file.writeFile(bytes.subarray(0, bytes.length >> 1));
            if (when === 'write') await fail();
          },
          sync: () => (when === 'sync' ? fail() : file.sync()),
          close: async () => {
            await file.close();
            if (when === 'close') await fail();
          },
        };
      },
    }) as never;

  it.each(['write', 'sync', 'close'] as const)(
    'to a disk that is full at %s leaves the old checkpoint',
    async (when) => {
      const path = join(scratch(), 'run.ckpt');
      await checkpointFile(path).save(Uint8Array.of(1, 2, 3));
      const failing = checkpointFile(path, full(when)).save(new Uint8Array(1000));
      await expect(failing).rejects.toThrow(/cannot write .*run.ckpt: no space left on the disk; .*unchanged/);
      await expect(failing).rejects.toBeInstanceOf(StorageError);
      expect([...(await checkpointFile(path).load())!]).toEqual([1, 2, 3]);
      expect(existsSync(`${path}.tmp`)).toBe(false);
    },
  );

  it('by a process that is killed at any moment leaves a whole file, old or new', async () => {
    const path = join(scratch(), 'file');
    const code = `import { writeAtomically } from '${ROOT}src/train/node/index.ts';
for (let i = 0; ; i = (i + 1) % 256) { await writeAtomically(${JSON.stringify(path)}, new Uint8Array(4e6).fill(i)); process.stdout.write('.'); }`;
    for (let round = 0; round < 4; round++) {
      const writer = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], { cwd: ROOT });
      await new Promise((written) => writer.stdout.once('data', written));
      await new Promise((later) => setTimeout(later, Math.random() * 50));
      const closed = new Promise((done) => writer.on('close', done));
      writer.kill('SIGKILL');
      await closed;
      const bytes = readFileSync(path);
      expect(bytes.length).toBe(4e6);
      expect(bytes.equals(Buffer.alloc(4e6, bytes[0]))).toBe(true);
    }
  });

  it('takes over what a killed writer left, and says what is wrong with a path', async () => {
    const folder = scratch();
    writeFileSync(join(folder, 'a.tmp'), 'half');
    await writeAtomically(join(folder, 'a'), Uint8Array.of(7));
    expect(readdirSync(folder)).toEqual(['a']);
    expect(await checkpointFile(join(folder, 'none')).load()).toBeUndefined();
    await expect(checkpointFile(folder).load()).rejects.toThrow('EISDIR');
    await expect(writeAtomically(join(folder, 'no', 'a'), Uint8Array.of(7))).rejects.toThrow('folder does not exist');
  });
});

describe('a TensorBoard file', () => {
  it('holds what a run reported', async () => {
    const board = tensorboard(join(scratch(), 'new', 'logs'));
    await trained({ epochs: 2, reporters: [board], onEpoch: async ({ epoch }) => ({ 'test/accuracy': epoch / 4 }) });
    const [version, ...events] = decodeEvents(readFileSync(board.path));
    expect(version.fileVersion).toBe('brain.Event:2');
    expect(Math.abs(version.wallTime - Date.now() / 1000)).toBeLessThan(60);
    expect(events.map((e) => e.step)).toEqual([5, 5, 10, 10]);
    expect(events[0].scalars['train/loss']).toBeGreaterThan(0);
    expect(events[3].scalars).toMatchObject({ 'test/accuracy': 0.5, 'epoch/learning rate': expect.closeTo(0.1, 6) });
  });
});
