import { crossovers } from '../../bench/crossover.js';
import type { Row } from '../../bench/harness.js';
import type { Report } from '../../bench/report-data.js';
import { summarise } from '../../bench/stats.js';

/** A report of a made-up run of two sparsities, one peer and one failure. */
export function sampleReport(): Report {
  const at = (sparsity: number, candidate: string, ms: number, more: Partial<Row> = {}): Row => ({
    suite: 'spmm',
    case: `512, ${100 * sparsity} %`,
    candidate,
    kind: candidate === 'CSR' ? 'engine' : 'variant',
    unit: 'ms',
    point: { group: '512 <square>', sparsity },
    reference: 'dense',
    wall: summarise([ms, ms, ms * 1.1]),
    gpu: summarise([ms]),
    cost: { flops: candidate === 'dense' ? 2.7e8 : 2.7e8 * (1 - sparsity), bytes: 3e6 },
    ...more,
  });
  const rows = [
    at(0.5, 'dense', 10),
    at(0.5, 'CSR', 20),
    at(0.5, 'numpy & co', 7, { kind: 'peer', gpu: undefined, cost: undefined }),
    at(0.9, 'dense', 10),
    at(0.9, 'CSR', 4),
    at(0.9, 'broken', 1, { wall: undefined, gpu: undefined, error: 'wrong result: <NaN>' }),
  ];
  const detail = { fma: '4 chains', copy: '256 workgroups', fmaMs: summarise([1]), copyMs: summarise([1]) };
  return {
    schema: 2,
    suites: ['spmm'],
    started: '2026-01-01T00:00:00.000Z',
    seconds: 12.3,
    quick: true,
    environment: {
      adapter: { name: 'software', description: 'a software adapter' },
      deviceClass: 'software',
      driver: { source: 'package', threads: 2, toggles: {}, cores: 2 },
      versions: { secateur: '0.1.0', commit: null, webgpu: '0.6.2', benchmark: '2.1.4', node: 'v20.0.0' },
      host: { platform: 'linux', arch: 'x64', cpu: 'a processor', cores: 2, memoryBytes: 1 },
    } as unknown as Report['environment'],
    load: [0.1, 0.2],
    roofline: { gflops: 100, gbps: 10, detail },
    peers: [],
    rows,
    crossovers: crossovers(rows),
  };
}
