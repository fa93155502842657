import { linearCka, svcca } from '../../src/similarity/index.js';
import { similarityVariant } from '../similarity.js';

/** The engine's reference path: float64 in JavaScript. */
export default similarityVariant({
  name: 'float64 on the host',
  svcca: async (_, { x, y, points, neurons }) => {
    const shape = [points, neurons];
    return (await svcca({ data: x, shape }, { data: y, shape }, { precision: 'float64' })).correlations;
  },
  cka: async (_, { x, y, points, neurons }) => {
    const shape = [points, neurons];
    return (await linearCka({ data: x, shape }, { data: y, shape }, { precision: 'float64' })).similarity;
  },
});
