import type { Shader } from '../src/gpu/kernel.js';
import { odometer } from './elements.js';

/** WGSL pieces of a walk; `start` belongs before the loop, `advance` at the end of its body. */
export interface Walk {
  /** Arguments of `main`. */
  builtins: string;
  start: string;
  /** Condition of the loop. */
  more: string;
  advance: string;
}

/** Invocations of a workgroup that walks units side by side. */
export const WALK_WORKGROUP = 64;

/** Parameters that every walk needs, in front of the kernel's own. */
export const WALK_PARAMS: Shader['params'] = [
  ['n', 'u32'],
  ['chunk', 'u32'],
];

/**
 * A walk of P.n units: every workgroup has P.chunk neighbouring ones, its invocations side by side. Declares the unit
 * `i` and its coordinates `i0, i1, ...` over `dims`, outermost first; the first of them is never divided by, and only
 * a workgroup's first units divide at all.
 *
 * Contiguous chunks keep a workgroup inside few pages and cache sets: on software devices copies run up to twice as
 * fast as with a stride over the whole grid. On GPUs a chunk is one unit an invocation.
 */
export function chunkWalk(dims: readonly string[]): Walk {
  const digits = odometer('i', dims);
  const coordinates = dims.length > 0;
  return {
    builtins:
      '@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32',
    start: `let chunkStart = (group.x + group.y * groups.x) * P.chunk;
  let chunkEnd = min(chunkStart + P.chunk, P.n);
  var i = chunkStart + lane;
  ${coordinates ? digits.start('i') : ''}
  ${coordinates ? digits.step(`${WALK_WORKGROUP}u`) : ''}`,
    more: 'i < chunkEnd',
    advance: `i += ${WALK_WORKGROUP}u;
    ${coordinates ? digits.advance : ''}`,
  };
}
