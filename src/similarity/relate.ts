import { type Activations, assertPair, deviceRows, hostMatrix } from './activations.js';
import { devicePair, fitsPair } from './device-pair.js';
import { deviceRelation } from './device-relation.js';
import { DeviceTriangle } from './device-triangle.js';
import { besides, hostTriangle } from './host-triangle.js';
import { carriesMeasures, type Measures, wantsStrong } from './measures.js';
import { inPrecision } from './precision.js';
import { hostRelation, type Relation } from './relation.js';
import type { PrecisionOptions } from './result.js';

/**
 * The relation of two sides [points, neurons], good enough for the measures that are wanted of it.
 *
 * @throws ShapeError, DTypeError, DeviceMismatchError, ArgumentError (NaN or infinity)
 */
export async function relate(
  op: string,
  x: Activations,
  y: Activations,
  options: PrecisionOptions,
  measures: Measures,
): Promise<Relation> {
  assertPair(op, x, y);
  const [points, p] = x.shape;
  const sides = y === x ? [x] : [x, y];
  const neurons = sides.map((side) => side.shape[1]);
  const width = neurons.reduce((sum, n) => sum + n, 0);
  const suffices = (found: Relation) => carriesMeasures(op, found, measures);
  return inPrecision(
    {
      op,
      x,
      y,
      work: points * width * Math.min(points, width),
      suffices,
      host: async () => {
        const a = await hostMatrix(op, 'x', x);
        return hostRelation(hostTriangle(y === x ? a : besides(a, await hostMatrix(op, 'y', y))), p);
      },
      device: async (device) => {
        if (y !== x && wantsStrong(measures) && fitsPair(device, points, neurons)) {
          const found = await devicePair(device, x, y);
          if (found && suffices(found)) return found;
        }
        const triangle = new DeviceTriangle(device, neurons);
        try {
          triangle.add(points, (begin, end) => sides.map((side) => deviceRows(device, side, begin, end)));
          return await deviceRelation(triangle, p);
        } finally {
          triangle.dispose();
        }
      },
    },
    options,
  );
}
