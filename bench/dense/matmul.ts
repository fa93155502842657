import { matmul } from '../../src/index.js';
import type { Case, Family } from '../case.js';
import { type ProductShape, productCandidate, square } from '../products.js';

/** Square products, as the peers do them (one complete call at a time), then transposed and odd shapes. */
const family: Family = ({ device }) => {
  const gpu = device.deviceClass !== 'software';
  const squares = [256, 512, 1024, 2048, ...(gpu ? [4096] : [])].map(
    (n): Case => ({
      name: `matmul ${n}`,
      peer: { case: 'matmul', params: { n } },
      long: n === 2048 && !gpu,
      candidates: [
        productCandidate(device, { name: 'secateur', kind: 'engine', waitEach: true }, square(n), (a, b) =>
          matmul(a, b),
        ),
      ],
    }),
  );
  const n = gpu ? 2048 : 512;
  const others: [string, ProductShape][] = [
    [`matmul ${n}, A transposed`, { ...square(n), transA: true }],
    [`matmul ${n}, B transposed`, { ...square(n), transB: true }],
    [`matmul ${n}, both transposed`, { ...square(n), transA: true, transB: true }],
    ['matmul 509 x 1021 x 251 (m x n x k)', { m: 509, n: 1021, k: 251 }],
    ['matmul 1000 x 10 x 128', { m: 1000, n: 10, k: 128, transB: true }],
    ['matmul 128 x 800 x 1000, A transposed', { m: 128, n: 800, k: 1000, transA: true }],
  ];
  return [
    ...squares,
    ...others.map(([name, shape]): Case => {
      const { transA, transB } = shape;
      return {
        name,
        candidates: [
          productCandidate(device, { name: 'secateur', kind: 'engine' }, shape, (a, b) =>
            matmul(a, b, { transA, transB }),
          ),
        ],
      };
    }),
  ];
};

export default family;
