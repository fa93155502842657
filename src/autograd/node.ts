import type { Tensor } from '../tensor/tensor.js';
import type { Primitives } from './primitives.js';

export type PrimitiveName = keyof Primitives;

/** How a tensor came from others: which primitive, with what attributes, from which inputs. */
export interface Node<K extends PrimitiveName = PrimitiveName> {
  readonly primitive: K;
  readonly attrs: Primitives[K];
  readonly inputs: readonly Tensor[];
}

let recording = true;

/** Notes how `output` came about, where gradients flow through any input. Returns `output`. */
export function record<K extends PrimitiveName>(
  primitive: K,
  attrs: Primitives[K],
  inputs: readonly Tensor[],
  output: Tensor,
): Tensor {
  if (recording && inputs.some((t) => t.tracked)) output.node = { primitive, attrs, inputs } as Node;
  return output;
}

/** Runs `fn` without recording: nothing made inside can be differentiated. */
export function noGrad<T>(fn: () => T): T {
  return withRecording(false, fn);
}

/** Runs `fn` with recording on or off. */
export function withRecording<T>(on: boolean, fn: () => T): T {
  const before = recording;
  recording = on;
  try {
    return fn();
  } finally {
    recording = before;
  }
}

export const isRecording = (): boolean => recording;
