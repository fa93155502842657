import type { Device } from '../src/gpu/device.js';
import { correlatedActivations, referenceCka, referenceSvcca } from './activations.js';
import type { Candidate, Case, Check, Family } from './case.js';

/** Activations of two layers on the same points, row-major [points, neurons], on the host. */
export interface Layers {
  points: number;
  neurons: number;
  x: Float32Array;
  y: Float32Array;
}

/** A way to compare layers, from arrays on the host to numbers on the host. */
export interface SimilarityVariant {
  name: string;
  kind?: Candidate['kind'];
  /** Canonical correlations of both layers, each reduced to 99 % of its variance; largest first. */
  svcca?(device: Device, layers: Layers): Promise<ArrayLike<number>>;
  /** Linear centred kernel alignment. */
  cka?(device: Device, layers: Layers): Promise<number>;
}

interface Size {
  points: number;
  neurons: number;
  long?: boolean;
}

const SIZES: Size[] = [
  { points: 2000, neurons: 64 },
  { points: 10_000, neurons: 256, long: true },
];

const SEED = 1;
const VARIANCE = 0.99;
/** Largest error of a coefficient. */
const TOLERANCE = 1e-4;

/** The family of a variant: one candidate for each measure that it has, in every case of the suite `similarity`. */
export function similarityVariant(variant: SimilarityVariant): Family {
  const { svcca, cka } = variant;
  return ({ device }) =>
    SIZES.flatMap((size): Case[] => {
      const { points, neurons, long } = size;
      const candidate = (measure: Measure): Candidate => ({
        name: variant.name,
        kind: variant.kind ?? 'variant',
        prepare: () => prepare(size, measure),
      });
      const peer = { case: 'svcca', params: { n: points, p: neurons } };
      const cases: Case[] = [];
      if (svcca) {
        const run: Measure['run'] = async (layers) => Array.from(await svcca(device, layers));
        const candidates = [candidate({ run, reference: svccaOf })];
        cases.push({ name: `SVCCA of ${points}x${neurons}`, long, peer, candidates });
      }
      if (cka) {
        const run: Measure['run'] = async (layers) => [await cka(device, layers)];
        cases.push({
          name: `linear CKA of ${points}x${neurons}`,
          long,
          candidates: [candidate({ run, reference: ckaOf })],
        });
      }
      return cases;
    });
}

/** A measure, and what it gives in float64. */
interface Measure {
  run(layers: Layers): Promise<number[]>;
  reference(layers: Layers): number[];
}

const svccaOf = once(({ x, y, points, neurons }) => [...referenceSvcca(x, y, points, neurons, VARIANCE)]);
const ckaOf = once(({ x, y, points, neurons }) => [referenceCka(x, y, points, neurons)]);

/** The candidates of a case ask for the same reference, which takes seconds. */
function once(reference: (layers: Layers) => number[]): (layers: Layers) => number[] {
  const known = new Map<string, number[]>();
  return (layers) => {
    const key = `${layers.points}x${layers.neurons}`;
    const found = known.get(key) ?? reference(layers);
    known.set(key, found);
    return found;
  };
}

async function prepare({ points, neurons }: Size, { run, reference }: Measure) {
  const [x, y] = correlatedActivations(points, neurons, SEED);
  const layers = { points, neurons, x, y };
  return {
    check: checkCoefficients(await run(layers), reference(layers)),
    async sample(calls: number) {
      const start = performance.now();
      for (let i = 0; i < calls; i++) await run(layers);
      return (performance.now() - start) / calls;
    },
    dispose: () => {},
  };
}

/** All coefficients, of which there must be as many. */
export function checkCoefficients(found: ArrayLike<number>, expected: ArrayLike<number>): Check {
  let worst = found.length === expected.length ? 0 : Number.NaN;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(found[i] - expected[i])); // NaN stays
  return { what: 'coefficients, against float64', error: worst, tolerance: TOLERANCE };
}
