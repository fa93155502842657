import type { JsonObject, RunRecord, RunStatus } from '../../../src/store/record.js';
import type { LayerSimilarity, Method, NetworkResult, NetworkRunConfig } from '../../../src/studies/svcca/types.js';

const about = { started: '2026-01-02T03:04:05.000Z', seconds: 1, worker: 'w', adapter: 'adapter', driver: 'driver' };

interface Made {
  readonly method: Method;
  readonly accuracy?: number;
  readonly sparsity?: number;
  readonly parent?: string;
  readonly seed?: number;
  readonly status?: RunStatus;
  readonly variant?: string;
  readonly recipe?: JsonObject;
  readonly result?: Partial<NetworkResult>;
}

/** A few records written by hand: what they say is said in full by the test. */
export class HandMade {
  readonly records = new Map<string, RunRecord>();

  network(id: string, made: Made): string {
    const { method, accuracy = 0.9, sparsity = 0, parent = null, seed = 0, status = 'finished', variant = null } = made;
    const config: NetworkRunConfig = {
      kind: 'network',
      study: 'svcca',
      revision: 1,
      method,
      network: { name: 'net', width: 1 },
      data: {},
      recipe: made.recipe ?? {},
      seed,
      sparsity,
      parent,
      mask: null,
      variant,
    };
    const result: Partial<NetworkResult> = {
      accuracy,
      recalibrated: null,
      kept: 10,
      total: 100,
      compression: 10,
      speedup: 5,
      bytesDense: 400,
      bytesCompact: 40,
      history: [],
      stages: [],
      divergedAt: null,
      ...made.result,
    };
    this.records.set(id, { id, config, status, result: result as NetworkResult, about });
    return id;
  }

  /** Compares namesake layers; the measures are functions of the given SVCCA, so that they can be told apart. */
  compare(a: string, b: string, svcca: readonly number[], options: { stage?: string; view?: string } = {}): void {
    const { stage = null, view = 'positions' } = options;
    const layers = svcca.map(
      (s, index): LayerSimilarity => ({
        a: `layer${index}`,
        b: `layer${index}`,
        index,
        type: index === svcca.length - 1 ? 'logits' : 'conv',
        points: 100,
        channelsA: 8,
        channelsB: 8,
        deadA: 0,
        deadB: 0,
        directionsA: 6,
        directionsB: 4,
        svcca: s,
        svccaFixed: s,
        pwcca: s / 2,
        cka: s ** 2,
        procrustes: null,
        svccaAlive: null,
        flags: [],
      }),
    );
    const config = { kind: 'comparison', a, b, stage, pairs: 'same', view };
    const id = `${a}-${b}-${stage}-${view}`;
    this.records.set(id, { id, config, status: 'finished', result: { layers }, about });
  }
}
