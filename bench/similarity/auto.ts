import { linearCka, svcca } from '../../src/similarity/index.js';
import { similarityVariant } from '../similarity.js';

/** What the engine does by itself: on the device where the work is not small, uploads included. */
export default similarityVariant({
  name: 'auto',
  kind: 'engine',
  svcca: async (device, { x, y, points, neurons }) => {
    const shape = [points, neurons];
    return (await svcca({ data: x, shape }, { data: y, shape }, { device })).correlations;
  },
  cka: async (device, { x, y, points, neurons }) => {
    const shape = [points, neurons];
    return (await linearCka({ data: x, shape }, { data: y, shape }, { device })).similarity;
  },
});
