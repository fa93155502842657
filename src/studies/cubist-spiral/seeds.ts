import { contentHash } from '../../store/canonical.js';
import type { Json } from '../../store/record.js';

/** A seed made of whatever tells a run from all others: 48 bits of a hash. */
export const seedOf = (...parts: readonly Json[]): number => Number.parseInt(contentHash(parts).slice(0, 12), 16);
