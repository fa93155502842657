export { type Evaluation, evaluate } from './evaluate.js';
export { DivergedError, fit, type FitOptions } from './fit.js';
