import { describe, expect, it } from 'vitest';
import { FormatError } from '../../src/gpu/errors.js';
import { Parameters } from '../../src/nn/index.js';
import {
  applyMask,
  decodeCompact,
  decodeMasks,
  diskSize,
  encodeCompact,
  encodeMasks,
  magnitudeMask,
  maskByMagnitude,
  maskFromHost,
  planSparsity,
  readMasks,
} from '../../src/prune/index.js';
import { decodeSafetensors, encodeSafetensors } from '../../src/sparse/index.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';
import { parametersOn, SPECS, WEIGHTS } from './networks.js';

const t = testDevice();
const packings = ['bool', 'bits'] as const;

describe(`mask files (seed ${SEED})`, () => {
  it.each(packings)(
    'carry a mask to another run, where it is the same and can be pruned further: %s',
    async (packing) => {
      const inputs = new Inputs(`files ${packing}`);
      const p = parametersOn(t.device, inputs);
      const pruned = await magnitudeMask(p, 0.8);
      const bytes = encodeMasks(await readMasks(p, pruned), { packing });
      expect(encodeMasks(await readMasks(p, pruned), { packing })).toEqual(bytes);
      const other = parametersOn(t.device, inputs);
      const loaded = maskFromHost(other, decodeMasks(bytes));
      expect(await loaded.mask.data()).toEqual(await pruned.mask.data());
      expect([loaded.layers, loaded.kept, loaded.total]).toEqual([pruned.layers, pruned.kept, pruned.total]);
      const further = await maskByMagnitude(other, planSparsity(other, 0.9), { within: loaded });
      expect(further.kept).toBe(177);
      for (const x of [p, other, pruned.mask, loaded.mask, further.mask]) x.dispose();
    },
  );

  it('are tensors by the names of the weights: BOOL of their shapes, or an eighth of that in U8', async () => {
    const p = parametersOn(t.device, new Inputs('tensors'));
    const pruned = await magnitudeMask(p, 0.5);
    const masks = await readMasks(p, pruned);
    const plain = decodeSafetensors(encodeMasks(masks));
    expect([...plain.tensors.keys()]).toEqual(WEIGHTS);
    expect(plain.tensors.get('fc.weight')).toMatchObject({ dtype: 'bool', shape: [31, 47] });
    const packed = decodeSafetensors(encodeMasks(masks, { packing: 'bits' }));
    expect(packed.tensors.get('fc.weight')).toMatchObject({ dtype: 'u8', shape: [183] });
    expect(packed.metadata.get('fc.weight.shape')).toBe('[31,47]');
    for (const x of [p, pruned.mask]) x.dispose();
  });

  it('of other programs are read: U8 of 0 and 1 without metadata', () => {
    const data = Uint8Array.of(1, 0, 0, 1, 1, 0);
    const bytes = encodeSafetensors({ tensors: new Map([['w', { dtype: 'u8', shape: [2, 3], data }]]) });
    expect(decodeMasks(bytes)).toEqual(new Map([['w', { shape: [2, 3], values: data }]]));
  });

  it('are refused where names or shapes do not fit', () => {
    const p = new Parameters(t.device, SPECS);
    const mask = (shape: number[]) => ({ shape, values: new Uint8Array(shape.reduce((a, b) => a * b, 1)) });
    expect(() => maskFromHost(p, new Map([['fc2.weight', mask([31, 47])]]))).toThrow(
      "maskFromHost: expected masks of weights among conv1.weight, conv1.bias, conv2.weight, fc.weight, fc.bias, got 'fc2.weight'",
    );
    expect(() => maskFromHost(p, new Map([['fc.weight', mask([47, 31])]]))).toThrow(
      'maskFromHost: expected a mask of shape [31, 47] for fc.weight, got [47, 31]',
    );
    expect(() => maskFromHost(p, new Map())).toThrow('at least one mask, got none');
    expect(() => encodeMasks(new Map(), { packing: 'rle' as 'bits' })).toThrow("packing 'bool' or 'bits', got rle");
    p.dispose();
  });

  it('are refused where they hold something else', () => {
    const file = (array: object, metadata: [string, string][] = []) =>
      encodeSafetensors({ tensors: new Map([['w', array as never]]), metadata: new Map(metadata) });
    const refused = (bytes: Uint8Array, message: string) => {
      expect(() => decodeMasks(bytes, { name: 'm.safetensors' })).toThrow(FormatError);
      expect(() => decodeMasks(bytes, { name: 'm.safetensors' })).toThrow(message);
    };
    refused(
      file({ dtype: 'f32', shape: [2], data: Float32Array.of(0, 1) }),
      "m.safetensors: tensor 'w': expected a mask of dtype BOOL or U8, got f32",
    );
    refused(file({ dtype: 'u8', shape: [2], data: Uint8Array.of(0, 7) }), 'expected elements of 0 or 1, got 7 at 1');
    const bits = { dtype: 'u8', shape: [1], data: Uint8Array.of(0xff) };
    const packed: [string, string] = ['mask.packing', 'bits'];
    refused(file(bits, [packed]), "expected metadata 'w.shape' as a list of axes, got none");
    refused(file(bits, [packed, ['w.shape', '[2,{}]']]), 'as a list of axes, got [2,{}]');
    refused(file(bits, [packed, ['w.shape', '[08]']]), 'as a list of axes, got [08]');
    refused(file(bits, [packed, ['w.shape', '[9999999999,9999999999]']]), 'as a list of axes');
    refused(file(bits, [packed, ['w.shape', '[9]']]), 'expected 2 bytes of U8 for [9], got 1 of u8');
    refused(file(bits, [packed, ['w.shape', '[3]']]), 'expected packed bits, got unpackMask: expected no bit above');
    expect(() => decodeMasks(file(bits).subarray(0, 20))).toThrow(FormatError);
  });
});

describe(`compact weights (seed ${SEED})`, () => {
  it('come back as the masked network, in less room the more is removed', async () => {
    const p = parametersOn(t.device, new Inputs('compact'));
    const pruned = await magnitudeMask(p, 0.9, ['fc*', 'conv1*']);
    const values = await p.read();
    const weights = new Map(SPECS.map(({ name, shape }) => [name, { shape, values: values.get(name)! }]));
    const bytes = encodeCompact(weights, await readMasks(p, pruned));
    applyMask(p, pruned.mask);
    const masked = await p.read();
    const decoded = decodeCompact(bytes);
    expect(new Set(decoded.keys())).toEqual(new Set(p.names));
    for (const { name, shape } of SPECS) expect(decoded.get(name)).toEqual({ shape, values: masked.get(name) });
    const size = await diskSize(p, pruned);
    expect(size.compact).toBe(bytes.length);
    const headers = { dense: 8 + 400, compact: 8 + 800 };
    const count = SPECS.reduce((n, s) => n + s.shape.reduce((a, b) => a * b, 1), 0);
    expect(size.dense).toBeGreaterThan(4 * count);
    expect(size.dense).toBeLessThan(4 * count + headers.dense);
    const stored = 4 * (count - pruned.total + pruned.kept) + Math.ceil(1457 / 8) + Math.ceil(270 / 8);
    expect(size.compact).toBeGreaterThan(stored);
    expect(size.compact).toBeLessThan(stored + headers.compact);
    for (const x of [p, pruned.mask]) x.dispose();
  });

  it('are refused where parts are missing, do not fit, or collide', () => {
    const weight = { shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) };
    const mask = { shape: [2, 2], values: Uint8Array.of(1, 0, 0, 1) };
    const good = decodeSafetensors(encodeCompact(new Map([['w', weight]]), new Map([['w', mask]])));
    const spoilt = (name: string, array?: object) => {
      const tensors = new Map(good.tensors);
      if (array) tensors.set(name, array as never);
      else tensors.delete(name);
      return () => decodeCompact(encodeSafetensors({ ...good, tensors }), { name: 'w.st' });
    };
    expect(spoilt('w.mask')).toThrow("w.st: tensor 'w': expected a tensor 'w.mask', got none");
    expect(spoilt('w.kept', { dtype: 'f32', shape: [3], data: new Float32Array(3) })).toThrow(
      'expected 2 values, got 3',
    );
    expect(spoilt('w.kept', { dtype: 'f64', shape: [2], data: new Float64Array(2) })).toThrow('dtype F32, got f64');
    expect(spoilt('w.mask', { dtype: 'u8', shape: [2], data: new Uint8Array(2) })).toThrow('1 bytes of U8 for [2, 2]');
    expect(() => encodeCompact(new Map([['v', weight]]), new Map([['w', mask]]))).toThrow(
      "encodeCompact: expected masks of weights of their size, got 'w' of 4",
    );
    const colliding = new Map([
      ['w', weight],
      ['w.mask', weight],
    ]);
    expect(() => encodeCompact(colliding, new Map([['w', mask]]))).toThrow("names that stay apart, got 'w.mask' twice");
  });
});
