import { singularVectorCorrelations } from '../../src/similarity/canonical.js';
import { relationCka } from '../../src/similarity/linear.js';
import { hostRelation } from '../../src/similarity/relation.js';
import { type Layers, similarityVariant } from '../similarity.js';

const relation = ({ x, y, points, neurons }: Layers) => {
  const shape = [points, neurons];
  return hostRelation('bench', { data: x, shape }, { data: y, shape });
};

/** The engine's reference path: float64 in JavaScript. */
export default similarityVariant({
  name: 'float64 on the host',
  kind: 'engine',
  svcca: async (_, layers) => singularVectorCorrelations('bench', await relation(layers)).correlations,
  cka: async (_, layers) => relationCka(await relation(layers)).similarity,
});
