import type { Device } from '../gpu/device.js';
import { slice } from '../ops/slice.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Activations, assertPair, deviceRows, hostMatrix } from './activations.js';
import { correlationsOf, type GuardOptions, guardPoints } from './canonical.js';
import { untracked } from './device-centred.js';
import { deviceRelation } from './device-relation.js';
import { DeviceTriangle } from './device-triangle.js';
import { type DeviceMaps, deviceEmbedded, deviceMaps, deviceSpectrum, hostSpectrum } from './dft.js';
import { carriesAll } from './directions.js';
import { commonFrequencies, type Frequency } from './frequencies.js';
import { besides, hostTriangle } from './host-triangle.js';
import { inPrecision } from './precision.js';
import { hostRelation, type Relation } from './relation.js';
import type { Flag, Precision, PrecisionOptions, SimilarityResult } from './result.js';

export interface DftCcaResult extends SimilarityResult {
  /** Mean correlation over all frequencies and channels. */
  similarity: number;
  /** All of them, descending: of frequencies x min(channels), less where a frequency has fewer directions. */
  correlations: Float64Array;
  /** 1 - similarity. */
  distance: number;
  /** Frequencies of the band; conjugate ones were computed once. */
  frequencies: number;
}

interface Found {
  correlations: Float64Array;
  precision: Precision;
  carried: boolean;
  flags: Flag[];
}

/**
 * Canonical correlations of the channels of two convolutional layers [points, h, w, channels], frequency by frequency
 * of their two-dimensional DFT (Raghu et al. 2017, section 4.1): CCA of complex numbers, which for layers with circular
 * convolutions and inputs closed under translation equals CCA of the whole flattened maps, at a fraction of the cost.
 *
 * Maps of different sizes are compared in their common low band. Frequencies in which a side does not vary give no correlations.
 *
 * @throws ShapeError, DTypeError, DeviceMismatchError; ArgumentError for NaN, or fewer points than twice the channels unless forced
 */
export async function dftCca(
  x: Activations,
  y: Activations,
  options: GuardOptions & PrecisionOptions = {},
): Promise<DftCcaResult> {
  const op = 'dftCca';
  assertPair(op, x, y, 4);
  const frequencies = commonFrequencies(op, x.shape, y.shape);
  const points = x.shape[0];
  const [p, q] = [x.shape[3], y.shape[3]];
  const guarded = guardPoints(op, points, Math.max(p, q), options);
  const found = await inPrecision(
    {
      op,
      x,
      y,
      work: frequencies.length * 2 * points * (2 * (p + q)) ** 2,
      host: () => onHost(op, x, y, frequencies),
      device: (device) => onDevice(op, device, x, y, frequencies),
      suffices: ({ carried }) => carried,
    },
    options,
  );
  const { correlations, precision } = found;
  const similarity = correlations.reduce((a, b) => a + b, 0) / Math.max(1, correlations.length);
  return {
    similarity,
    correlations,
    distance: 1 - similarity,
    frequencies: frequencies.reduce((sum, { weight }) => sum + weight, 0),
    points,
    precision,
    flags: [...found.flags, ...guarded],
  };
}

async function onHost(op: string, x: Activations, y: Activations, frequencies: Frequency[]): Promise<Found> {
  const a = hostSpectrum(await hostMatrix(op, 'x', x), x.shape);
  const b = y === x ? a : hostSpectrum(await hostMatrix(op, 'y', y), y.shape);
  const all = new Collected(op, 'float64');
  for (const f of frequencies) {
    const left = a(f);
    await all.add(hostRelation(hostTriangle(y === x ? left : besides(left, b(f))), left.cols), f);
  }
  return all.found();
}

/** As much of the largest binding as the spectra of one side may take at a time. */
const SHARE = 4;

async function onDevice(
  op: string,
  device: Device,
  x: Activations,
  y: Activations,
  frequencies: Frequency[],
): Promise<Found | null> {
  const sides = y === x ? [x] : [x, y];
  const maps = untracked(() => sides.map((side) => deviceMaps(deviceRows(device, side))));
  const all = new Collected(op, 'float32');
  const bytes = Math.max(...sides.map(({ shape }) => 8 * shape[0] * shape[3]));
  const most = Math.max(1, Math.floor(device.limits.maxBinding / SHARE / bytes));
  try {
    for (let first = 0; first < frequencies.length; first += most) {
      const part = frequencies.slice(first, first + most);
      const spectra = untracked(() =>
        sides.map((side, i) => deviceSpectrum(device, maps[i].centred, side.shape, part)),
      );
      try {
        for (const [k, f] of part.entries()) {
          const relation = await relationAt(device, spectra, maps, k);
          if (!relation) return null;
          await all.add(relation, f);
        }
      } finally {
        for (const t of spectra) t.dispose();
      }
    }
  } finally {
    for (const { centred, floor } of maps) for (const t of [centred, floor]) t.dispose();
  }
  return all.found();
}

async function relationAt(
  device: Device,
  spectra: readonly Tensor[],
  maps: readonly DeviceMaps[],
  k: number,
): Promise<Relation | null> {
  const [n, , p] = spectra[0].shape;
  const triangle = new DeviceTriangle(
    device,
    spectra.map((t) => 2 * t.shape[2]),
  );
  try {
    triangle.add(2 * n, (begin, end) =>
      spectra.map((t, i) => slice(deviceEmbedded(t, maps[i].floor, k), [begin], [end])),
    );
    return await deviceRelation(triangle, 2 * p);
  } finally {
    triangle.dispose();
  }
}

/** Correlations of all frequencies. */
class Collected {
  private readonly values: number[] = [];
  private readonly flags = new Set<Flag>();
  private carried = true;

  constructor(
    private readonly op: string,
    private readonly precision: Precision,
  ) {}

  async add(relation: Relation, { weight }: Frequency): Promise<void> {
    const rho = await correlationsOf(this.op, relation);
    // Of complex numbers written as real ones, each comes twice.
    for (let i = 0; i < rho.length; i += 2) for (let k = 0; k < weight; k++) this.values.push(rho[i]);
    for (const flag of relation.flags) this.flags.add(flag);
    this.carried &&= carriesAll(relation);
  }

  found(): Found {
    const flags = new Set(this.flags);
    // A frequency that says nothing is no reason to doubt the others.
    flags.delete('degenerate');
    if (this.values.length === 0) flags.add('degenerate');
    const correlations = Float64Array.from(this.values).sort().reverse();
    return { correlations, precision: this.precision, carried: this.carried, flags: [...flags] };
  }
}
