import type { Device } from '../../gpu/device.js';
import type { HostActivations } from '../../similarity/activations.js';
import { centred, columnSquares, hostMatrix, livingNeurons, selectColumns } from '../../similarity/activations.js';
import { measured } from '../../similarity/measures.js';
import { relate } from '../../similarity/relate.js';
import type { PrecisionOptions } from '../../similarity/result.js';

/** All that is measured of two layers; without `full`, SVCCA and CKA only. */
export interface PairMeasures {
  readonly points: number;
  readonly deadA: number;
  readonly deadB: number;
  readonly directionsA: number;
  readonly directionsB: number;
  readonly svcca: number;
  readonly svccaFixed: number | null;
  readonly pwcca: number | null;
  readonly cka: number;
  readonly procrustes: number | null;
  readonly svccaAlive: number | null;
  readonly flags: readonly string[];
}

/**
 * Small layers are compared in float64 on the host, larger ones on the device as long as float32 carries the measures:
 * on a processor that is its own device, 10,000 points of 64 to 256 channels are done 3 to 4 times as fast that way.
 */
export const precisionFor = (device: Device): PrecisionOptions => ({ precision: 'auto', device });

/** Compares [points, channels] of two layers by all measures from one decomposition. */
export async function measurePair(
  x: HostActivations,
  y: HostActivations,
  threshold: number,
  precision: PrecisionOptions,
): Promise<PairMeasures> {
  const measures = { svcca: { threshold }, pwcca: {}, linearCka: {}, procrustes: {} };
  const relation = await relate('svcca', x, y, precision, measures);
  const found = await measured('svcca', relation, measures);
  const { svcca } = found;
  const [kx, ky] = [svcca.x.directions, svcca.y.directions];
  const directions = Math.min(kx, ky);
  const fixed =
    kx === ky || directions === 0 ? svcca : (await measured('svcca', relation, { svcca: { directions } })).svcca;
  return {
    points: svcca.points,
    deadA: svcca.x.dropped,
    deadB: svcca.y.dropped,
    directionsA: kx,
    directionsB: ky,
    svcca: svcca.similarity,
    svccaFixed: fixed.similarity,
    pwcca: found.pwcca.similarity,
    cka: found.linearCka.similarity,
    procrustes: found.procrustes.similarity,
    svccaAlive: await aliveInBoth(x, y, threshold, precision, svcca.x.dropped + svcca.y.dropped),
    flags: svcca.flags,
  };
}

/** SVCCA and linear CKA alone, for the many pairs of a heat map. */
export async function measureLoosely(
  x: HostActivations,
  y: HostActivations,
  threshold: number,
  precision: PrecisionOptions,
): Promise<PairMeasures> {
  const measures = { svcca: { threshold }, linearCka: {} };
  const relation = await relate('svcca', x, y, precision, measures);
  const { svcca, linearCka } = await measured('svcca', relation, measures);
  return {
    points: svcca.points,
    deadA: svcca.x.dropped,
    deadB: svcca.y.dropped,
    directionsA: svcca.x.directions,
    directionsB: svcca.y.directions,
    svcca: svcca.similarity,
    svccaFixed: null,
    pwcca: null,
    cka: linearCka.similarity,
    procrustes: null,
    svccaAlive: null,
    flags: svcca.flags,
  };
}

/** SVCCA of the channels that neither network lost; null where none is dead, or none is left. */
async function aliveInBoth(
  x: HostActivations,
  y: HostActivations,
  threshold: number,
  precision: PrecisionOptions,
  dead: number,
): Promise<number | null> {
  if (dead === 0) return null;
  const inY = new Set(await livingChannels(y));
  const alive = (await livingChannels(x)).filter((c) => inY.has(c));
  if (alive.length === 0) return null;
  const options = { threshold, force: true };
  const sides = [x, y].map((side) => channelsOnly(side, alive));
  const relation = await relate('svcca', sides[0], sides[1], precision, { svcca: options });
  return (await measured('svcca', relation, { svcca: options })).svcca.similarity;
}

async function livingChannels(side: HostActivations): Promise<number[]> {
  return livingNeurons(columnSquares(centred(await hostMatrix('svcca', 'activations', side))));
}

function channelsOnly({ data, shape: [rows, cols] }: HostActivations, kept: readonly number[]): HostActivations {
  const all = { data: Float64Array.from(data), rows, cols };
  return { data: selectColumns(all, kept).data, shape: [rows, kept.length] };
}
