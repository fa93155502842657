import { engineFamilies } from './engine-families.js';
import { linalgFamilies } from './linalg-families.js';
import { populationFamilies } from './population-families.js';
import { selectFamilies } from './select-families.js';
import { sparseFamilies } from './sparse-families.js';

/** Every shader function of the project. */
export const families = [
  ...engineFamilies,
  ...selectFamilies,
  ...linalgFamilies,
  ...sparseFamilies,
  ...populationFamilies,
];
