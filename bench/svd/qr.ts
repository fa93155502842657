import { qr } from '../../src/linalg/qr.js';
import type { Case, Family } from '../case.js';
import { checkQr, factorisation, factorisationSizes } from '../factorisations.js';

/** The engine's thin QR decomposition. */
const family: Family = ({ device }) =>
  factorisationSizes.map(
    (size): Case => ({
      name: `thin qr ${size.name}`,
      long: size.long,
      candidates: [
        factorisation(device, size, {
          name: 'secateur',
          kind: 'engine',
          flops: ({ m, n }) => 4 * m * n * n - (4 / 3) * n ** 3,
          call(a) {
            const { q, r } = qr(a);
            return [q, r];
          },
          check: (host, [q, r], s) => checkQr(host, q, r, s),
        }),
      ],
    }),
  );

export default family;
