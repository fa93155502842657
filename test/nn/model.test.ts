import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  DisposedError,
  full,
  grad,
  mul,
  noGrad,
  ShapeError,
  scope,
  sizeOf,
  sum,
  type Tensor,
  tensor,
  zeros,
} from '../../src/index.js';
import {
  BatchNorm2d,
  Conv2d,
  convNet,
  Dropout,
  Flatten,
  kaimingNormal,
  Lambda,
  Linear,
  MaxPool2d,
  Model,
  mlp,
  Parameters,
  ReLU,
  resnetCifar,
  Sequential,
  xavierUniform,
} from '../../src/nn/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';

const t = testDevice();
const gpu = testDevice({ deviceClass: 'discrete' });

async function values(model: Model): Promise<Map<string, Float32Array>> {
  const all = await model.parameters.read();
  for (const [name, s] of model.statistics) all.set(name, (await s.data()) as Float32Array);
  return all;
}

describe('the zoo', () => {
  it.each([
    ['ResNet-20', () => resnetCifar(20), 269_722, [2, 32, 32, 3], [2, 10]],
    ['ResNet-32', () => resnetCifar(32, { classes: 100 }), 464_154 + 90 * 65, [1, 32, 32, 3], [1, 100]],
    ['ConvNet', () => convNet(), 111_386, [3, 28, 28, 1], [3, 10]],
    ['LeNet-300-100', () => mlp([784, 300, 100, 10]), 266_610, [5, 784], [5, 10]],
  ])('%s has its parameters and shapes', async (_, make, count, input, output) => {
    const model = new Model(t.device, make());
    expect(model.count).toBe(count);
    expect(model.parameters.count).toBe(count);
    const y = scope(() => model.predict(zeros(t.device, input)));
    expect(y.shape).toEqual(output);
    expect((await y.data()).every(Number.isFinite)).toBe(true);
    for (const thing of [y, model]) thing.dispose();
  });

  it('names things as torchvision does, and has no parameters in shortcuts', () => {
    const model = new Model(t.device, resnetCifar(20));
    const { names } = model.parameters;
    expect(names.slice(0, 6)).toEqual([
      'conv1.weight',
      'bn1.weight',
      'bn1.bias',
      'layer1.0.conv1.weight',
      'layer1.0.bn1.weight',
      'layer1.0.bn1.bias',
    ]);
    expect(names.slice(-2)).toEqual(['linear.weight', 'linear.bias']);
    expect(names.filter((n) => /^layer[123]\.[012]\.(conv|bn)[12]\./.test(n))).toHaveLength(3 * 3 * 2 * 3);
    expect(names).toHaveLength(3 + 54 + 2);
    expect([...model.statistics.keys()]).toHaveLength(2 * 19);
    expect(model.get('layer3.0.conv1.weight').shape).toEqual([64, 3, 3, 32]);
    expect(model.get('layer2.1.bn2.running_var').shape).toEqual([32]);
    model.dispose();
  });

  it('refuses depths and sizes that do not exist', () => {
    expect(() => resnetCifar(21)).toThrow('resnetCifar: expected a depth of 6 n + 2, got 21');
    expect(() => mlp([3])).toThrow('mlp: expected at least two sizes, got 1');
    expect(() => new Dropout(1)).toThrow('Dropout: expected p in [0, 1), got 1');
  });
});

describe('initialisation', () => {
  it('is a matter of the seed alone, on every device and every time', async () => {
    const make = (seed: number) => new Model(t.device, resnetCifar(8, { width: 4 }), { seed });
    const [a, b, other] = [make(5), make(5), make(6)];
    const first = await values(a);
    expect(await values(b)).toEqual(first);
    const different = await values(other);
    for (const [name, v] of first) {
      if (!/bn|running/.test(name)) expect(different.get(name), name).not.toEqual(v);
    }
    other.initialise(5);
    expect(await values(other)).toEqual(first);
    for (const m of [a, b, other]) m.dispose();
  });

  it('draws each parameter from a stream of its own, within its bounds', async () => {
    const model = new Model(
      t.device,
      new Sequential({ a: new Linear(64, 64), b: new Linear(64, 64), c: new Linear(64, 32, { init: xavierUniform }) }),
      { seed: 1 },
    );
    const all = await values(model);
    const [a, b, c] = ['a', 'b', 'c'].map((n) => all.get(`${n}.weight`)!);
    expect(a.filter((v, i) => v === b[i]).length).toBeLessThan(5);
    const widest = (v: Float32Array) => v.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    for (const v of [a, b, all.get('a.bias')!]) {
      expect(widest(v)).toBeLessThanOrEqual(1 / 8);
      expect(widest(v)).toBeGreaterThan(0.9 / 8);
    }
    expect(widest(c)).toBeLessThanOrEqual(Math.sqrt(6 / 96));
    expect(widest(c)).toBeGreaterThan(0.95 * Math.sqrt(6 / 96));
    model.dispose();
  });

  it('by He has the deviation of its fan', async () => {
    const shape = [64, 3, 3, 32];
    const deviation = (mode: 'fanIn' | 'fanOut') => {
      const v = kaimingNormal(mode)(shape, 3, 0);
      const mean = v.reduce((s, x) => s + x, 0) / v.length;
      return Math.sqrt(v.reduce((s, x) => s + (x - mean) ** 2, 0) / v.length);
    };
    expectClose([deviation('fanIn')], [Math.sqrt(2 / (32 * 9))], { rtol: 0.02 });
    expectClose([deviation('fanOut')], [Math.sqrt(2 / (64 * 9))], { rtol: 0.02 });
  });
});

describe('training and evaluation', () => {
  it('normalise by the batch and by running statistics, which only training moves', async () => {
    const channels = 3;
    const model = new Model(t.device, new Sequential({ bn: new BatchNorm2d(channels, { momentum: 0.25 }) }));
    const host = new Inputs('statistics').normal(40 * channels).map((v, i) => 2 * v + (i % channels));
    const x = tensor(t.device, host, { shape: [2, 4, 5, channels] });
    const stats = async () => [await model.get('bn.running_mean').data(), await model.get('bn.running_var').data()];
    const before = await stats();
    expect(before.map((s) => [...s])).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ]);
    const evaluated = scope(() => model.forward(x));
    expectClose(
      await evaluated.data(),
      host.map((v) => v / Math.sqrt(1 + 1e-5)),
      { rtol: 1e-6 },
    );
    expect(await stats()).toEqual(before);

    const trained = scope(() => noGrad(() => model.forward(x, { training: true })));
    const moments = [0, 1, 2].map((c) => {
      const column = Array.from(host).filter((_, i) => i % channels === c);
      const mean = column.reduce((s, v) => s + v, 0) / 40;
      return { mean, sum: column.reduce((s, v) => s + (v - mean) ** 2, 0) };
    });
    expectClose(
      await trained.data(),
      host.map((v, i) => (v - moments[i % 3].mean) / Math.sqrt(moments[i % 3].sum / 40 + 1e-5)),
      { rtol: 1e-5 },
    );
    const [mean, variance] = await stats();
    expectClose(
      mean,
      moments.map((m) => 0.25 * m.mean),
      { rtol: 1e-5 },
    );
    expectClose(
      variance,
      moments.map((m) => 0.75 + (0.25 * m.sum) / 39),
      { rtol: 1e-5 },
    );
    for (const thing of [x, evaluated, trained, model]) thing.dispose();
  });

  it('drop elements in training alone, afresh every time', async () => {
    const model = new Model(t.device, new Sequential([new Dropout(0.5)]), { seed: 2 });
    const x = tensor(t.device, new Float32Array(512).fill(1));
    const run = async (training: boolean) => {
      const y = scope(() => noGrad(() => model.forward(x, { training })));
      const v = [...(await y.data())];
      if (y !== x) y.dispose();
      return v;
    };
    expect((await run(false)).every((v) => v === 1)).toBe(true);
    const [a, b] = [await run(true), await run(true)];
    for (const v of [a, b]) {
      expect(new Set(v)).toEqual(new Set([0, 2]));
      expect(Math.abs(v.filter((e) => e === 0).length - 256)).toBeLessThan(70); // six deviations
    }
    expect(a).not.toEqual(b);
    for (const thing of [x, model]) thing.dispose();
  });

  it('predict records nothing, forward does', async () => {
    const model = new Model(t.device, mlp([4, 3, 2]));
    const x = zeros(t.device, [1, 4]);
    scope(() => {
      expect(model.predict(x).tracked).toBe(false);
      const y = model.forward(x);
      expect(y.tracked).toBe(true);
      const grads = grad(sum(y), model.parameters.list());
      expect(grads.map((g) => g.shape)).toEqual(model.parameters.list().map((p) => p.shape));
    });
    for (const thing of [x, model]) thing.dispose();
  });
});

describe('observe', () => {
  it('sees every module by its path, children before parents, with the result that goes on', async () => {
    const model = new Model(t.device, resnetCifar(8, { width: 4 }));
    const seen = new Map<string, readonly number[]>();
    const order: string[] = [];
    scope(() => {
      const y = model.forward(zeros(t.device, [1, 8, 8, 3]), {
        observe: (path, v) => {
          order.push(path);
          seen.set(path, v.shape);
        },
      });
      expect(seen.get('')).toEqual(y.shape);
    });
    const block = (k: number) => ['conv1', 'bn1', 'conv2', ...(k > 1 ? ['shortcut'] : []), 'bn2'];
    const stage = (k: number) => [...block(k).map((n) => `layer${k}.0.${n}`), `layer${k}.0`, `layer${k}`];
    expect(order).toEqual(['conv1', 'bn1', ...stage(1), ...stage(2), ...stage(3), 'pool', 'linear', '']);
    expect(seen.get('layer2.0.bn2')).toEqual([1, 4, 4, 8]);
    expect(seen.get('pool')).toEqual([1, 16]);
    model.dispose();
  });
});

describe('layers', () => {
  it('compute what their names say', async () => {
    const network = new Sequential({
      conv: new Conv2d(1, 1, 2, { bias: false, init: () => Float32Array.of(1, 2, 3, 4) }),
      relu: ReLU(),
      pool: MaxPool2d(2),
      flatten: Flatten(),
      fc: new Linear(1, 2, { init: () => Float32Array.of(10, -1) }),
      twice: new Lambda((x: Tensor) => scope(() => x)),
    });
    const model = new Model(t.device, network);
    model.get('fc.bias').write([0.5, 0]);
    const x = tensor(t.device, [
      [
        [[0], [1], [0]],
        [[2], [0], [-1]],
        [[0], [3], [0]],
      ],
    ]);
    // Windows: 0 + 2 + 6 + 0, 1 + 0 + 0 - 4, 2 + 0 + 0 + 12, 0 - 2 + 9 + 0; the greatest is 14.
    const y = scope(() => model.predict(x));
    expect([...(await y.data())]).toEqual([140.5, -14]);
    for (const thing of [x, y, model]) thing.dispose();
  });

  it.each(['conv', 'bn'])('a ReLU behind %s trades places with the max-pool, which changes no number', async (last) => {
    const relu = { activation: 'relu' } as const;
    const network = new Sequential({
      conv: new Conv2d(3, 10, 3, last === 'conv' ? relu : {}),
      ...(last === 'bn' ? { bn: new BatchNorm2d(10, relu) } : {}),
      pool: MaxPool2d(2),
      conv2: new Conv2d(10, 4, 2, { activation: 'tanh' }),
      pool2: MaxPool2d([1, 3]),
    });
    const model = new Model(t.device, network, { seed: 5 });
    const x = tensor(t.device, new Inputs(`pool before ReLU ${last}`).uniform(4 * 8 * 10 * 3), {
      shape: [4, 8, 10, 3],
    });
    const seen = new Map<string, number>();
    // Observers see what the layers say, so that with them nothing trades places.
    const observe = (path: string, y: Tensor) => void seen.set(path, y.size);
    const outcome = async (options: object) => {
      const results = scope(() => {
        const y = model.forward(x, { training: true, ...options });
        return [y, ...grad(sum(mul(y, y)), model.parameters.list())];
      });
      const data = await Promise.all(results.map((r) => r.data()));
      for (const r of results) r.dispose();
      return data;
    };
    const [traded, plain] = [await outcome({}), await outcome({ observe })];
    expect(seen.get(last)).toBe(4 * 6 * 8 * 10);
    expect(traded[0]).toEqual(plain[0]);
    traded.forEach((v, i) => expectClose(v, plain[i], { rtol: 1e-6, atol: 1e-6 }));
    if (t.device.hasTimestamps) {
      const kernels = await t.device.profile(() => scope(() => void model.forward(x, { training: true })));
      expect(kernels[kernels.findIndex(({ kernel }) => kernel === 'pool') + 1].kernel).toBe('map');
    }
    for (const thing of [x, model]) thing.dispose();
  });

  it('refuse a child name twice', () => {
    class Twice extends Sequential {
      constructor() {
        super({ a: new Linear(1, 1) });
        this.child('a', new Linear(1, 1));
      }
    }
    expect(() => new Twice()).toThrow("Module: expected each child name once, got 'a' twice");
  });
});

describe('Parameters', () => {
  const specs = [
    { name: 'a', shape: [3] },
    { name: 'b', shape: [5, 13] },
    { name: 'none', shape: [0, 2] },
    { name: 'c', shape: [] },
  ];

  it('lie in one flat buffer, aligned, with zeros between', async () => {
    const p = new Parameters(t.device, specs);
    expect(specs.map((s) => p.offset(s.name))).toEqual([0, 64, 192, 192]);
    expect(p.flat.shape).toEqual([256]);
    expect(p.count).toBe(3 + 65 + 0 + 1);
    expect((await p.flat.data()).every((v) => v === 0)).toBe(true);
    p.get('b').write(Float32Array.from({ length: 65 }, (_, i) => i + 1));
    p.get('c').write([7]);
    const flat = [...(await p.flat.data())];
    expect(flat.slice(60, 70)).toEqual([0, 0, 0, 0, 1, 2, 3, 4, 5, 6]);
    expect(flat.slice(126, 131)).toEqual([63, 64, 65, 0, 0]);
    expect(flat[192]).toBe(7);
    const read = await p.read();
    expect([...read.keys()]).toEqual(['a', 'b', 'none', 'c']);
    expect([...read.values()].map((v) => v.length)).toEqual(specs.map((s) => sizeOf(s.shape)));
    expect(p.list().every((v) => v.requiresGrad)).toBe(true);
    p.dispose();
  });

  it('make alike buffers of any value, and packs of tensors', async () => {
    const p = new Parameters(t.device, specs);
    const like = p.like(2);
    expect([...(await like.data())].filter((v) => v === 2)).toHaveLength(p.count);
    const into = p.like(9);
    const tensors = specs.map(({ shape }, k) =>
      tensor(t.device, new Float32Array(sizeOf(shape)).fill(k + 1), { shape }),
    );
    p.pack(tensors, into);
    const part = p.part(into, 'b');
    expect(part.shape).toEqual([5, 13]);
    expect([...(await part.data())].every((v) => v === 2)).toBe(true);
    expect([...(await into.data())].filter((v) => v === 9)).toHaveLength(0);
    for (const v of [like, into, part, ...tensors, p]) v.dispose();
  });

  it('are packed whether large or small, few or many, on devices of each class', async () => {
    const sizes = [1, 8191, 8192, 8195, 2, 3, 30_001, ...Array.from({ length: 20 }, (_, i) => 5 + 7 * i)];
    const many = sizes.map((n, i) => ({ name: `p${i}`, shape: [n] }));
    for (const device of [t.device, gpu.device]) {
      const p = new Parameters(device, many);
      const poison = full(device, p.flat.shape, Number.NaN);
      const values = sizes.map((n, k) => Float32Array.from({ length: n }, (_, i) => k + i / 65_536));
      const tensors = values.map((v) => tensor(device, v));
      p.pack(tensors, poison);
      const flat = await poison.data();
      many.forEach(({ name }, k) => {
        const at = p.offset(name);
        expect(flat.slice(at, at + sizes[k]), name).toEqual(values[k]);
        const rest = flat.slice(at + sizes[k], at + 4 * Math.ceil(sizes[k] / 4));
        expect([...rest], `${name}'s last four`).toEqual([...rest].map(() => 0));
      });
      for (const v of [poison, ...tensors, p]) v.dispose();
    }
  });

  it('refuse names and tensors that are not theirs, in words', () => {
    const { live } = t.device.memory();
    expect(() => new Parameters(t.device, [specs[0], specs[0]])).toThrow(
      "Parameters: expected each name once, got 'a' twice",
    );
    expect(t.device.memory().live).toBe(live);
    const p = new Parameters(t.device, specs);
    expect(() => p.get('x')).toThrow(ArgumentError);
    expect(() => p.offset('x')).toThrow("Parameters: expected a name among a, b, none, c, got 'x'");
    expect(p.has('x')).toBe(false);
    scope(() => {
      const short = zeros(t.device, [3]);
      expect(() => p.part(short, 'a')).toThrow(ShapeError);
      expect(() => p.part(short, 'a')).toThrow('Parameters: expected a flat tensor of shape [256], got [3]');
      const tensors = specs.map(({ shape }) => zeros(t.device, shape));
      expect(() => p.pack(tensors, short)).toThrow('Parameters.pack: expected to pack into f32[256], got f32[3]');
    });
    p.dispose();
    p.dispose();
    expect(() => scope(() => p.get('a').view('test', [3]))).toThrow(DisposedError);
  });
});
