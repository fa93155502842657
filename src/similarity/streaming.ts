import type { Device } from '../gpu/device.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { showShape } from '../tensor/shape.js';
import { type Activations, assertPair, deviceRows, hostMatrix } from './activations.js';
import { deviceRelation } from './device-relation.js';
import { DeviceTriangle } from './device-triangle.js';
import { besides, HostTriangle } from './host-triangle.js';
import { carriesMeasures, checkMeasures, type Measures, measured, type ResultsOf } from './measures.js';
import { hostRelation, type Relation } from './relation.js';

export interface StreamOptions {
  /** Where batches are reduced, in float32. Without it, on the host in float64. */
  device?: Device;
}

/**
 * Measures of two layers whose activations come in batches and are not kept: one pass, a state of (p + q)² numbers
 * however many points there are. The state is the triangular factor of all centred activations, so that nothing is
 * squared on the way. On a device nothing is read back before `compare`, and batches of at least p + q points cost
 * least. Float32 results whose directions are too far apart for it are flagged 'ill-conditioned'.
 *
 * @example
 * using stream = new SimilarityStream(256, 128, { device });
 * for (const [x, y] of batches) await stream.add(x, y);
 * const { svcca } = await stream.compare({ svcca: {} });
 */
export class SimilarityStream {
  readonly p: number;
  readonly q: number;
  private readonly onDevice: DeviceTriangle | null;
  private readonly onHost: HostTriangle | null;

  /** @throws ArgumentError unless p and q, the neurons of both layers, are whole numbers >= 1 */
  constructor(p: number, q: number, { device }: StreamOptions = {}) {
    for (const n of [p, q])
      if (!Number.isInteger(n) || n < 1)
        throw new ArgumentError('SimilarityStream', 'neurons as whole numbers >= 1', String(n));
    this.p = p;
    this.q = q;
    this.onDevice = device ? new DeviceTriangle(device, [p, q]) : null;
    this.onHost = device ? null : new HostTriangle(p + q);
  }

  /** Points so far. */
  get points(): number {
    return (this.onDevice ?? this.onHost)!.points;
  }

  /**
   * Adds a batch x [points, p] and y [points, q], tensors or host arrays. On the host, NaN is refused here; on a device
   * `compare` finds it.
   *
   * @throws ShapeError, DTypeError, DeviceMismatchError, ArgumentError
   */
  async add(x: Activations, y: Activations): Promise<void> {
    const op = 'SimilarityStream.add';
    assertPair(op, x, y);
    if (x.shape[1] !== this.p || y.shape[1] !== this.q) {
      const got = `${showShape(x.shape)} and ${showShape(y.shape)}`;
      throw new ShapeError(op, `${this.p} and ${this.q} neurons`, got);
    }
    if (this.onDevice) {
      const { device } = this.onDevice;
      this.onDevice.add(x.shape[0], (begin, end) => [x, y].map((side) => deviceRows(device, side, begin, end)));
    } else {
      const both = besides(await hostMatrix(op, 'x', x), await hostMatrix(op, 'y', y));
      this.onHost!.add(both);
    }
  }

  /**
   * Measures of everything added so far; more may be added afterwards.
   *
   * @throws ArgumentError before the first batch, for values that float32 does not hold (or NaN), and as the measures do
   */
  async compare<T extends Measures>(measures: T): Promise<ResultsOf<T>> {
    const op = 'SimilarityStream.compare';
    checkMeasures(op, measures);
    if (this.points === 0) throw new ArgumentError(op, 'at least one batch', 'none');
    const relation = await this.relation(op);
    if (relation.precision === 'float32' && !carriesMeasures(op, relation, measures))
      relation.flags.push('ill-conditioned');
    return measured(op, relation, measures);
  }

  private async relation(op: string): Promise<Relation> {
    if (this.onHost) return hostRelation(this.onHost.triangle(), this.p);
    const found = await deviceRelation(this.onDevice!, this.p);
    if (!found) throw new ArgumentError(op, 'finite values whose squares float32 holds', 'others in some batch');
    return found;
  }

  dispose(): void {
    this.onDevice?.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}
