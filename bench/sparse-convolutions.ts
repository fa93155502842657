import type { Device } from '../src/gpu/device.js';
import { scope } from '../src/tensor/scope.js';
import type { Tensor } from '../src/tensor/tensor.js';
import type { Candidate, Case, Family, HostMatrix } from './case.js';
import { type ConvLayer, type ConvResult, checkConvolution, shapesOf } from './conv-reference.js';
import { deviceWork, resultOf } from './device-work.js';
import { type ConvolutionSize, convolutionSizes, sparsities } from './grids.js';
import { dense, generated, type Structure } from './patterns.js';
import { uniform } from './peers/lib/random.mjs';
import { percent } from './rates.js';
import { DENSE, PLAIN, SEED, structureLabel, valuesOf } from './sparse-problems.js';

/** One of the three products of a layer with sparse weights. */
export interface ConvolutionInput {
  layer: ConvLayer;
  /** The result y of x and w, the input's gradient dx of g and w, or the weight's dw of x and g, at its entries. */
  result: ConvResult;
  /** The weight [out, kernel, kernel, channels] as a matrix of as many rows as there are outputs. */
  matrix: HostMatrix;
  values: Float32Array;
  /** x [images, size, size, channels]; null for dx. */
  x: Float32Array | null;
  /** The gradient of y, of its shape; null for y. */
  g: Float32Array | null;
}

/** One way to do it, set up for one input. */
export interface ConvolutionWork {
  /** Encodes one call and returns y or dx (NHWC), or dw: at the entries of the pattern, or whole. */
  run(): Tensor;
  /** Where the elements of dw lie in the whole weight, if they are in another order than the pattern's entries. */
  places?: Uint32Array;
  /** Weights that it multiplies, if not those of the pattern. */
  multiplied?: number;
  facts?: Record<string, unknown>;
  dispose(): void;
}

/** A candidate for every case of the suite `spconv`. */
export interface ConvolutionVariant {
  name: string;
  kind?: Candidate['kind'];
  /** The structure that this form needs of the weights, as for `SpmmVariant`. */
  structure?(sparsity: number): Structure | null;
  /** The results that it can compute; all if left out. */
  results?: readonly ConvResult[];
  prepare(device: Device, input: ConvolutionInput): ConvolutionWork | Promise<ConvolutionWork>;
}

/** The family of a variant: one candidate beside the others in every case. */
export function convolutionVariant(variant: ConvolutionVariant): Family {
  const results = variant.results ?? (['y', 'dx', 'dw'] as const);
  return ({ device, quick }) =>
    convolutionSizes(device, quick).flatMap((size) =>
      results.flatMap((result) =>
        sparsities(quick).flatMap((sparsity): Case[] => {
          const own = variant.structure?.(sparsity);
          if (own === null) return [];
          const group = `${size.name} ${result}`;
          const name = own ? `${variant.name}${structureLabel(own)}` : variant.name;
          const work = { result, sparsity, structure: own ?? PLAIN };
          return [
            {
              name: `${group}, ${percent(sparsity)}`,
              point: { group, sparsity },
              reference: DENSE,
              candidates: [candidate(device, { ...variant, name }, layerOf(size), work)],
            },
          ];
        }),
      ),
    );
}

const layerOf = (size: ConvolutionSize): ConvLayer => ({ ...size, pad: Math.floor(size.kernel / 2) });

function candidate(
  device: Device,
  variant: ConvolutionVariant,
  layer: ConvLayer,
  { result, sparsity, structure }: { result: ConvResult; sparsity: number; structure: Structure },
): Candidate {
  return {
    name: variant.name,
    kind: variant.kind ?? 'variant',
    async prepare() {
      const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
      const [xShape, wShape, yShape] = shapesOf(layer, 'y');
      const matrix = generated(layer.out, count(wShape) / layer.out, sparsity, structure, SEED);
      const values = valuesOf(matrix);
      const x = result === 'dx' ? null : uniform(count(xShape), -1, 1, SEED, 2);
      const g = result === 'y' ? null : uniform(count(yShape), -1, 1, SEED, 3);
      const work = await variant.prepare(device, { layer, result, matrix, values, x, g });
      try {
        const found = await resultOf(() => work.run());
        const w = dense(matrix, values);
        const operands = { y: [x, w], dx: [g, w], dw: [x, g] }[result] as [Float32Array, Float32Array];
        const places = result === 'dw' ? (work.places ?? placesOf(matrix)) : undefined;
        const pixels = count(yShape) / layer.out;
        const multiplied = work.multiplied ?? matrix.columns.length;
        return deviceWork(device, {
          call: () => scope(() => void work.run()),
          check: checkConvolution(layer, result, ...operands, found, places),
          // Every weight meets every pixel of the output once.
          cost: {
            flops: 2 * multiplied * pixels,
            bytes: 4 * (count(xShape) + count(yShape)) + 4 * multiplied * (multiplied === w.length ? 1 : 2),
          },
          facts: { nonzeros: matrix.columns.length, ...work.facts },
          dispose: work.dispose,
        });
      } catch (error) {
        work.dispose();
        throw error;
      }
    },
  };
}

/** Where a matrix's entries lie in the dense one, row by row. */
export function placesOf({ rows, cols, offsets, columns }: HostMatrix): Uint32Array {
  const places = new Uint32Array(columns.length);
  for (let r = 0; r < rows; r++) for (let p = offsets[r]; p < offsets[r + 1]; p++) places[p] = r * cols + columns[p];
  return places;
}
