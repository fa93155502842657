import type { Activation } from './spec.js';

/** WGSL of an activation over vec4f or f32. */
export function activate(activation: Activation, value: string, T: 'f32' | 'vec4f'): string {
  switch (activation) {
    case 'none':
      return value;
    case 'relu':
      // max() may drop a NaN; a comparison with it is false and lets it through.
      return `select(${value}, ${T}(0.0), ${value} <= ${T}(0.0))`;
    case 'tanh':
      return `s_tanh(${value})`;
    case 'sigmoid':
      return `s_sigmoid(${value})`;
  }
}
