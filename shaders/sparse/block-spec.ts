import { FOLD, type GemmSpec, type ParamList, paramsOf, type SubgroupTile } from '../gemm/spec.js';

/** Edge of a block. */
export type BlockSize = 4 | 8 | 16 | 32;

/**
 * A product with a block-sparse matrix, in the terms of the dense family: P is the side whose values are handed out, Q
 * the side that lies across lanes, and both load as there. Lines are the pattern's block rows, or its block columns.
 */
export interface BlockSpec extends GemmSpec {
  tile: SubgroupTile;
  block: BlockSize;
  /** Lines are block columns: blocks are found through `entries` and read transposed. */
  turned: boolean;
  /** How a value of P reaches all lanes: from the lane that loaded it, or every lane loads it from the same address. */
  hand: 'broadcast' | 'storage';
}

const named = (...names: string[]): ParamList => names.map((name) => [name, 'u32']);

/** Walks over blocks: strides of Q, elements between parts, between lines of C; `block` and `tileRows` bound loops. */
const WALK_MATRIX = named('rows', 'cols', 'qI', 'qK', 'pPart', 'qPart', 'cPart');
const WALK = named('cLead', 'block', 'tileRows');
/** Panels: k is `depth` long, and there are `lines` lines. */
const PANEL = named('cLead', 'depth', 'lines', 'tileRows');
/** Samples at blocks: k is `depth` long, cut into `splits` chunks. */
const SAMPLE_MATRIX = [
  ...named('rows', 'cols', 'depth', 'chunk', 'splits', 'parts'),
  ...named('pI', 'pK', 'qI', 'qK', 'pPart', 'qPart'),
];
const SAMPLE = named('cPart', 'cLead', 'tileRows');

/** Parameters of a kernel; those of images are the dense family's, and a few more. */
export function blockParams(spec: BlockSpec, form: 'walk' | 'panel' | 'sample'): ParamList {
  const matrix = form === 'sample' ? SAMPLE_MATRIX : WALK_MATRIX;
  return [
    ...(spec.problem === 'matmul' ? matrix : paramsOf(spec.problem)),
    ...{ walk: WALK, panel: PANEL, sample: SAMPLE }[form],
    ...(spec.folded ? FOLD : []),
  ];
}

/** WGSL types of the stored operands. */
export const storedAs = (spec: BlockSpec, side: 'p' | 'q'): string =>
  `array<${spec[side].load === 'scalar' ? 'f32' : 'vec4f'}>`;
