export { type Evaluation, evaluate } from './evaluate.js';
export { DivergedError, type FitOptions, fit } from './fit.js';
