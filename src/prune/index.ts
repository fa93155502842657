export { type LayerDensity, magnitudeMask, prunable, type PruneResult } from './magnitude.js';
