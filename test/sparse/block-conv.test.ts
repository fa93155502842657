import { describe, expect, it } from 'vitest';
import { type Device, ShapeError, scope, type Tensor, tensor } from '../../src/index.js';
import { type BlockConvAttrs, blockConv2d, blockConv2dInput, blockConv2dWeight } from '../../src/sparse/block-conv.js';
import type { BlockPattern } from '../../src/sparse/block-pattern.js';
import {
  type ConvCase,
  inputShape,
  outputShape,
  plain,
  referenceConv,
  referenceInput,
  referenceWeight,
} from '../ops/conv-reference.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { checkGradients } from '../support/gradcheck.js';
import { Inputs, SEED } from '../support/random.js';
import { atBlocks, expandBlocks, randomBlocks, withBlocks } from './block-cases.js';

const t = testDevice();
const discrete = testDevice({ deviceClass: 'discrete' });
const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** A random pattern for the weight of a convolution. */
const blocksFor = (inputs: Inputs, c: ConvCase, block: number, density: number) =>
  randomBlocks(inputs, block, (c.co * c.groups) / block, (c.kernel[0] * c.kernel[1] * c.ci) / block, density);

const optionsOf = ({ kernel, stride, pad, dilation, groups, activation }: ConvCase) => ({
  ...{ kernel, stride, dilation, groups, activation },
  padding: [pad[0], pad[0], pad[1], pad[1]] as const,
});

const attrsOf = (pattern: BlockPattern, c: ConvCase): BlockConvAttrs => ({ ...c, pattern });

/** The convolution and both gradients of random operands against float64. */
async function check(device: Device, inputs: Inputs, c: ConvCase, block: number, density = 0.5): Promise<void> {
  const host = blocksFor(inputs, c, block, density);
  const [v, x, g, bias] = [
    host.columns.length * block * block,
    count(inputShape(c)),
    count(outputShape(c)),
    c.co * c.groups,
  ].map((n) => inputs.uniform(n));
  await withBlocks(device, host, async (pattern) => {
    const made = scope(() => {
      const values = tensor(device, v, { shape: [pattern.blocks, block, block] });
      const images = tensor(device, x, { shape: inputShape(c) });
      const cotangent = tensor(device, g, { shape: outputShape(c) });
      return {
        y: blockConv2d(images, pattern, values, { ...optionsOf(c), bias: tensor(device, bias) }),
        dx: blockConv2dInput(cotangent, values, attrsOf(pattern, c)),
        dv: blockConv2dWeight(images, cotangent, attrsOf(pattern, c)),
      };
    });
    expect(made.y.shape).toEqual(outputShape(c));
    expect(made.dx.shape).toEqual(inputShape(c));
    const what = `block ${block}, ${JSON.stringify(c)}`;
    const weight = expandBlocks(host, v);
    expectClose(await made.y.data(), referenceConv(c, x, weight, bias), { what });
    expectClose(await made.dx.data(), referenceInput(c, g, weight), { what: `dx of ${what}` });
    expectClose(await made.dv.data(), atBlocks(host, referenceWeight(c, x, g)), { what: `dv of ${what}` });
    for (const r of Object.values(made)) r.dispose();
  });
}

const CASES: Record<string, ConvCase> = {
  padded: plain({ images: 2, ci: 16, co: 32, input: [7, 5], kernel: [3, 3], pad: [1, 1], activation: 'relu' }),
  strided: plain({ images: 3, ci: 32, co: 16, input: [8, 9], kernel: [3, 2], stride: [2, 3], pad: [1, 0] }),
  dilated: plain({ images: 1, ci: 16, co: 16, input: [9, 8], kernel: [2, 3], dilation: [2, 2], pad: [2, 1] }),
  grouped: plain({ images: 2, ci: 16, co: 32, groups: 3, input: [5, 6], kernel: [2, 2], pad: [1, 0], stride: [1, 2] }),
  pointwise: plain({ images: 2, ci: 32, co: 48, input: [5, 5], kernel: [1, 1] }),
};

describe(`block-sparse convolution (seed ${SEED})`, () => {
  for (const [name, c] of Object.entries(CASES)) {
    it(`agrees with float64 forward and backward: ${name}`, async () => {
      const inputs = new Inputs(`block conv ${name}`);
      await check(t.device, inputs, c, 16);
      await check(t.device, inputs, { ...c, activation: 'tanh' }, name === 'grouped' ? 8 : 4, 0.3);
    });
  }

  it('serves blocks of 32, empty and full patterns, and many pixels', async () => {
    const inputs = new Inputs('block conv sizes');
    const c = plain({ images: 2, ci: 32, co: 64, input: [6, 6], kernel: [3, 3], pad: [1, 1] });
    for (const density of [0, 0.3, 1]) await check(t.device, inputs, c, 32, density);
    const wide = plain({ images: 5, ci: 8, co: 8, input: [19, 23], kernel: [3, 3], pad: [1, 1] });
    await check(t.device, inputs, wide, 8, 0.4);
    await check(t.device, inputs, { ...c, images: 0 }, 32);
  });

  it('runs as on GPUs, without subgroups', async () => {
    const inputs = new Inputs('block conv discrete');
    await check(discrete.device, inputs, CASES.grouped, 16);
    await check(discrete.device, inputs, plain({ images: 1, ci: 32, co: 32, input: [5, 5], kernel: [3, 3] }), 32);
  });

  it('has first and second derivatives', async () => {
    const c = plain({ images: 2, ci: 4, co: 4, groups: 2, input: [4, 3], kernel: [2, 2], pad: [1, 0], stride: [2, 1] });
    const host = blocksFor(new Inputs('block conv gradients'), c, 4, 0.9);
    const values = [host.columns.length, 4, 4];
    await withBlocks(t.device, host, async (pattern) => {
      const { device } = t;
      await checkGradients({
        ...{ device, name: 'blockConv2d', shapes: [inputShape(c), values, [c.co * c.groups]] },
        f: (x, v, bias) => blockConv2d(x, pattern, v, { ...optionsOf(c), activation: 'tanh', bias }),
        host: (x, v, bias) => referenceConv({ ...c, activation: 'tanh' }, x, expandBlocks(host, v), bias),
      });
      await checkGradients({
        ...{ device, name: 'blockConv2dInput', shapes: [outputShape(c), values] },
        f: (g, v) => blockConv2dInput(g, v, attrsOf(pattern, c)),
        host: (g, v) => referenceInput(c, g, expandBlocks(host, v)),
      });
      await checkGradients({
        ...{ device, name: 'blockConv2dWeight', shapes: [inputShape(c), outputShape(c)] },
        f: (x, g) => blockConv2dWeight(x, g, attrsOf(pattern, c)),
        host: (x, g) => atBlocks(host, referenceWeight(c, x, g)),
      });
    });
  });

  it('gives the same bytes twice', async () => {
    const inputs = new Inputs('block conv determinism');
    const c = CASES.padded;
    const host = blocksFor(inputs, c, 8, 0.5);
    await withBlocks(t.device, host, async (pattern) => {
      const x = tensor(t.device, inputs.uniform(count(inputShape(c))), { shape: inputShape(c) });
      const g = tensor(t.device, inputs.uniform(count(outputShape(c))), { shape: outputShape(c) });
      const run = async (r: Tensor) => {
        const bytes = (await r.data()).join();
        r.dispose();
        return bytes;
      };
      expect(await run(blockConv2dWeight(x, g, attrsOf(pattern, c)))).toBe(
        await run(blockConv2dWeight(x, g, attrsOf(pattern, c))),
      );
      x.dispose();
      g.dispose();
    });
  });

  it('refuses what does not fit', async () => {
    const { device } = t;
    const c = plain({ images: 1, ci: 8, co: 8, input: [4, 4], kernel: [3, 3] });
    const host = blocksFor(new Inputs('block conv refusals'), c, 8, 1);
    await withBlocks(device, host, (pattern) => {
      scope(() => {
        const of = (...shape: number[]) => tensor(device, new Float32Array(count(shape)), { shape });
        const [x, v] = [of(1, 4, 4, 8), of(pattern.blocks, 8, 8)];
        expect(() => blockConv2d(x, pattern, v, { kernel: [3, 2] })).toThrow(
          'blockConv2d: expected a pattern of kh * kw * in / groups = 3 * 2 * 8 / 1 columns, got pattern [8, 72] with 9 blocks of 8 x 8',
        );
        expect(() => blockConv2d(of(1, 4, 4, 4), pattern, v, { kernel: [3, 6] })).toThrow(
          'blockConv2d: expected in / groups divisible by blocks of 8, got 4 channels',
        );
        expect(() => blockConv2d(of(1, 4, 4, 16), pattern, v, { kernel: [3, 3], groups: 2 })).toThrow(
          'blockConv2d: expected out / groups divisible by blocks of 8, got 4 channels',
        );
        expect(() => blockConv2d(of(1, 2, 2, 8), pattern, v, { kernel: [3, 3] })).toThrow(ShapeError);
        expect(() => blockConv2d(of(4, 4, 8), pattern, v, { kernel: [3, 3] })).toThrow(ShapeError);
        expect(() => blockConv2d(x, pattern, of(1, 8, 8), { kernel: [3, 3] })).toThrow(
          `blockConv2d: expected values of shape [${pattern.blocks}, 8, 8], got [1, 8, 8]`,
        );
        expect(() => blockConv2d(x, pattern, v, { kernel: [3, 3], bias: of(4) })).toThrow(
          'blockConv2d: expected a bias of shape [8], got [4]',
        );
        const attrs = attrsOf(pattern, c);
        expect(() => blockConv2dInput(of(1, 3, 2, 8), v, attrs)).toThrow(ShapeError);
        expect(() => blockConv2dInput(of(1, 2, 2, 16), v, attrs)).toThrow(ShapeError);
        expect(() => blockConv2dWeight(x, of(2, 2, 2, 8), attrs)).toThrow(
          'blockConv2dWeight: expected as many images in x as in g, got 1 and 2',
        );
      });
    });
  });
});
