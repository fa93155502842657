export { type LayerDensity, magnitudeMask, type PruneResult, prunable } from './magnitude.js';
