import { describe, expect, it } from 'vitest';
import { type FormatError, scope, tensor } from '../../src/index.js';
import {
  Conv2d,
  encodeWeights,
  Flatten,
  Linear,
  loadWeights,
  MaxPool2d,
  Model,
  resnetCifar,
  Sequential,
  stateDict,
} from '../../src/nn/index.js';
import { encodeSafetensors, type FileArray } from '../../src/sparse/files/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';

const t = testDevice();
const SIDE = 7;
const [IN, MID, OUT] = [2, 3, 4];
/** Convolution of 3x3 without padding, then a max-pool. */
const POOLED = Math.floor((SIDE - 2) / 2);

const network = () =>
  new Sequential({
    conv: new Conv2d(IN, MID, 3),
    pool: MaxPool2d(2),
    flatten: Flatten(),
    fc: new Linear([POOLED, POOLED, MID], OUT),
  });

function randomDict(inputs: Inputs): Map<string, FileArray> {
  const array = (...shape: number[]): FileArray => ({
    dtype: 'f32',
    shape,
    data: inputs.uniform(shape.reduce((n, d) => n * d, 1)),
  });
  return new Map([
    ['conv.weight', array(MID, IN, 3, 3)],
    ['conv.bias', array(MID)],
    ['fc.weight', array(OUT, MID * POOLED * POOLED)],
    ['fc.bias', array(OUT)],
  ]);
}

/** What PyTorch computes of one image [channels, side, side] with these weights: everything channels first. */
function torchForward(dict: ReadonlyMap<string, FileArray>, image: Float64Array): number[] {
  const [w, b, fw, fb] = ['conv.weight', 'conv.bias', 'fc.weight', 'fc.bias'].map(
    (n) => dict.get(n)!.data as Float32Array,
  );
  const conv = (o: number, y: number, x: number) => {
    let sum = b[o];
    for (let i = 0; i < IN; i++)
      for (let k = 0; k < 9; k++)
        sum += w[(o * IN + i) * 9 + k] * image[(i * SIDE + y + Math.floor(k / 3)) * SIDE + x + (k % 3)];
    return sum;
  };
  const flat: number[] = [];
  for (let o = 0; o < MID; o++)
    for (let y = 0; y < POOLED; y++)
      for (let x = 0; x < POOLED; x++)
        flat.push(Math.max(...[0, 1, 2, 3].map((q) => conv(o, 2 * y + (q >> 1), 2 * x + (q & 1)))));
  return Array.from(fb, (bias, o) => flat.reduce((s, v, i) => s + v * fw[o * flat.length + i], bias));
}

describe('loadWeights', () => {
  it('computes what PyTorch computes with the same state dict, through convolutions and flattened images', async () => {
    const inputs = new Inputs('torch');
    const dict = randomDict(inputs);
    const image = Float64Array.from(inputs.uniform(IN * SIDE * SIDE));
    const last = Float32Array.from({ length: image.length }, (_, k) => {
      const [pixel, channel] = [Math.floor(k / IN), k % IN];
      return image[channel * SIDE * SIDE + pixel];
    });
    const model = new Model(t.device, network());
    loadWeights(model, encodeSafetensors({ tensors: dict }));
    const x = tensor(t.device, last, { shape: [1, SIDE, SIDE, IN] });
    const y = scope(() => model.predict(x));
    expectClose(await y.data(), torchForward(dict, image), { rtol: 1e-5 });
    for (const thing of [x, y, model]) thing.dispose();
  });

  it('is undone by encodeWeights, statistics included', async () => {
    const inputs = new Inputs('statistics');
    const [a, b] = [1, 2].map((seed) => new Model(t.device, resnetCifar(8, { width: 4, shortcut: 'B' }), { seed }));
    for (const s of a.statistics.values()) s.write(inputs.uniform(s.size));
    const file = await encodeWeights(a, new Map([['made', 'by a test']]));
    loadWeights(b, file);
    expect(await stateDict(b)).toEqual(await stateDict(a));
    expect(await encodeWeights(b, new Map([['made', 'by a test']]))).toEqual(file);
    expect((await stateDict(a)).get('layer2.0.conv1.weight')!.shape).toEqual([8, 4, 3, 3]);
    for (const model of [a, b]) model.dispose();
  });

  it('takes the names of parallel training, counters, other names and other floating-point types', async () => {
    const dict = randomDict(new Inputs('names'));
    const model = new Model(t.device, network());
    const same = async () => expect(await stateDict(model)).toEqual(dict);
    const counter: FileArray = { dtype: 'i64', shape: [], data: BigInt64Array.of(7n) };
    const parallel = new Map([...dict].map(([name, array]) => [`module.${name}`, array]));
    loadWeights(model, parallel.set('module.bn.num_batches_tracked', counter));
    await same();
    model.initialise(1);
    const other = new Map([...dict].map(([name, array]) => [name.replace('fc', 'linear'), array]));
    loadWeights(model, other, { rename: (name) => name.replace('linear', 'fc') });
    await same();
    model.initialise(1);
    const wide = [...dict].map(([name, { shape, data }]): [string, FileArray] => {
      return [name, { dtype: 'f64', shape, data: Float64Array.from(data as Float32Array) }];
    });
    loadWeights(model, new Map(wide));
    await same();
    model.dispose();
  });

  it('names everything that does not fit in one error, and leaves the model as it was', async () => {
    const model = new Model(t.device, network(), { seed: 4 });
    const before = await stateDict(model);
    const dict = randomDict(new Inputs('faults'));
    const array = dict.get('conv.weight')!;
    dict.set('conv.weight', { ...array, shape: [MID, 3, 3, IN] });
    dict.set('conv.bias', { dtype: 'i32', shape: [MID], data: Int32Array.of(1, 2, 3) });
    dict.set('head.weight', dict.get('fc.weight')!);
    dict.delete('fc.weight');
    let error: FormatError | null = null;
    try {
      loadWeights(model, dict, { name: 'net.safetensors' });
    } catch (e) {
      error = e as FormatError;
    }
    expect(error?.message).toBe(
      "net.safetensors: tensors: expected the model's weights, got missing fc.weight; unexpected head.weight; " +
        'wrong shape: conv.weight of [3, 3, 3, 2], not [3, 2, 3, 3]; no floating-point numbers: conv.bias of i32',
    );
    expect(() => loadWeights(model, dict, { rename: () => 'fc.bias' })).toThrow("different names, got 'fc.bias' twice");
    expect(() => loadWeights(model, new Uint8Array(4), { name: 'short' })).toThrow(
      'short: byte 0: expected the length',
    );
    expect(await stateDict(model)).toEqual(before);
    model.dispose();
  });
});
