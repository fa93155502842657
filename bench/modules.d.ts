/** Types of the plain-JavaScript modules that the bench shares with its child processes and the peers. */

declare module '*/peers/lib/random.mjs' {
  export function uniform(length: number, low: number, high: number, seed: number, id: number): Float32Array;
  export function normal(length: number, deviation: number, seed: number, id: number): Float32Array;
  export function integers(length: number, bound: number, seed: number, id: number): Int32Array;
}

declare module '*/peers/lib/networks.mjs' {
  export interface Network {
    name: 'mlp' | 'convnet' | 'resnet20';
    input: number[];
    parameters: Record<string, { shape: number[] }>;
    learningRate: number;
    batch: number;
  }
  export function network(name: string, params?: { batch?: number; learningRate?: number }): Network;
  export function initialValues(network: Network, seed: number): Record<string, Float32Array>;
  export function batchOf(network: Network, seed: number): { images: Float32Array; labels: Int32Array };
}

declare module '*/peers/lib/reference.mjs' {
  import type { Network } from '*/peers/lib/networks.mjs';
  export function referenceLoss(
    network: Network,
    values: Record<string, Float32Array>,
    batch: { images: Float32Array; labels: Int32Array },
  ): number;
}

declare module '*/engine-values.mjs' {
  import type { Network } from '*/peers/lib/networks.mjs';
  export function engineValues(network: Network, values: Record<string, Float32Array>): Record<string, Float32Array>;
}
