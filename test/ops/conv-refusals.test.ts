import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  conv2d,
  conv2dInput,
  conv2dWeight,
  convTranspose2d,
  DTypeError,
  ShapeError,
  scope,
  tensor,
} from '../../src/index.js';
import { testDevice } from '../support/device.js';
import { plain } from './conv-reference.js';

const t = testDevice();

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

describe('refusals', () => {
  const zeros = (shape: number[], dtype: 'f32' | 'i32' = 'f32') =>
    tensor(t.device, dtype === 'i32' ? new Int32Array(count(shape)) : new Float32Array(count(shape)), { shape });
  const x = () => zeros([1, 5, 5, 4]);
  const w = () => zeros([6, 3, 3, 4]);
  const cases: [string, () => unknown, new (...args: never[]) => Error, string][] = [
    [
      'channels that differ',
      () => conv2d(x(), zeros([6, 3, 3, 3])),
      ShapeError,
      'conv2d: expected channels = 3 x groups',
    ],
    ['groups that do not divide', () => conv2d(x(), zeros([5, 3, 3, 2]), { groups: 2 }), ShapeError, '2 groups'],
    [
      'a kernel beyond the input',
      () => conv2d(x(), zeros([6, 6, 3, 4])),
      ShapeError,
      'a padded input at least as large as the kernel',
    ],
    [
      'a stride of 0',
      () => conv2d(x(), w(), { stride: 0 }),
      ArgumentError,
      'conv2d: expected stride as whole numbers >= 1, got 0',
    ],
    [
      'a dilation of 1.5',
      () => conv2d(x(), w(), { dilation: [1, 1.5] }),
      ArgumentError,
      'dilation as whole numbers >= 1, got 1,1.5',
    ],
    [
      'negative padding',
      () => conv2d(x(), w(), { padding: -1 }),
      ArgumentError,
      'conv2d: expected padding as whole numbers >= 0, got -1',
    ],
    [
      'a bias of another length',
      () => conv2d(x(), w(), { bias: zeros([5]) }),
      ShapeError,
      'expected a bias of shape [6], got [5]',
    ],
    ['integers', () => conv2d(zeros([1, 5, 5, 4], 'i32'), w()), DTypeError, 'conv2d: expected x'],
    [
      'models that differ',
      () => conv2d(zeros([2, 1, 5, 5, 4]), zeros([3, 6, 3, 3, 4])),
      ShapeError,
      '3 models on the leading axis',
    ],
    ['a rank of 3', () => conv2d(zeros([5, 5, 4]), w()), ShapeError, 'conv2d: expected x'],
    [
      'an unknown activation',
      () => conv2d(x(), w(), { activation: 'gelu' as 'relu' }),
      ArgumentError,
      'conv2d: expected activation among',
    ],
    [
      'padding of three numbers',
      () => conv2d(x(), w(), { padding: [1, 1, 1] as never }),
      ArgumentError,
      'padding as one, two or four numbers, got 1,1,1',
    ],
    [
      'a cotangent of another size',
      () => conv2dInput(zeros([1, 4, 3, 6]), w(), plain({ images: 1, ci: 4, co: 6, input: [5, 5], kernel: [3, 3] })),
      ShapeError,
      'conv2dInput: expected g of 3 x 3 pixels',
    ],
    [
      'a weight of another kernel',
      () =>
        conv2dInput(
          zeros([1, 3, 3, 6]),
          zeros([6, 3, 2, 4]),
          plain({ images: 1, ci: 4, co: 6, input: [5, 5], kernel: [3, 3] }),
        ),
      ShapeError,
      'conv2dInput: expected a weight of shape [6, 3, 3, in], got [6, 3, 2, 4]',
    ],
    [
      'images that differ',
      () =>
        conv2dWeight(
          zeros([2, 5, 5, 4]),
          zeros([1, 3, 3, 6]),
          plain({ images: 1, ci: 4, co: 6, input: [5, 5], kernel: [3, 3] }),
        ),
      ShapeError,
      'conv2dWeight: expected as many models and images in x as in g',
    ],
    ['transposed: channels', () => convTranspose2d(x(), w()), ShapeError, 'convTranspose2d: expected 6 channels'],
    [
      'transposed: outputPadding beyond the stride',
      () => convTranspose2d(x(), zeros([4, 3, 3, 2]), { outputPadding: 1 }),
      ArgumentError,
      'convTranspose2d: expected outputPadding below stride or dilation, got 1',
    ],
    [
      'transposed: models that differ',
      () => convTranspose2d(zeros([2, 1, 5, 5, 4]), zeros([3, 4, 3, 3, 2])),
      ShapeError,
      'a weight with the model axis of x [2, 1, 5, 5, 4], got [3, 4, 3, 3, 2]',
    ],
    [
      'transposed: no pixel left',
      () => convTranspose2d(x(), zeros([4, 1, 1, 2]), { padding: 3 }),
      ShapeError,
      'at least one pixel',
    ],
  ];
  for (const [name, call, type, text] of cases) {
    it(name, () => {
      const before = t.device.memory().tensors;
      scope(() => {
        expect(call).toThrow(type);
        expect(call).toThrow(text);
      });
      expect(t.device.memory().tensors).toBe(before);
    });
  }
});
