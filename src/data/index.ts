export { type DigitOptions, type DigitSet, type DigitSplit, generateDigits } from './digits.js';
export { type Batch, BatchLoader } from './loader.js';
