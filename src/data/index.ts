export { type DigitOptions, type DigitSet, type DigitSplit, generateDigits } from './digits.js';
