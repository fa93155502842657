import { sizeOf } from '../../tensor/shape.js';
import { ELEMENT_BYTES, type ElementType } from './elements.js';
import { Json } from './json.js';
import type { Source } from './source.js';

/** Element types by their names in the format. Those of 8 and fewer bits with exponents have no place here. */
export const SAFETENSORS_TYPES: Record<string, ElementType> = {
  ...{ BOOL: 'bool', I8: 'i8', U8: 'u8', I16: 'i16', U16: 'u16', I32: 'i32', U32: 'u32', I64: 'i64', U64: 'u64' },
  ...{ F16: 'f16', BF16: 'bf16', F32: 'f32', F64: 'f64' },
};

/** A tensor as the header declares it. */
export interface SafetensorsEntry {
  dtype: ElementType;
  shape: number[];
  /** Places in the file of its first byte, and behind its last. */
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  metadata: Map<string, string>;
  tensors: Map<string, SafetensorsEntry>;
}

export const METADATA = '__metadata__';
export const LENGTH_BYTES = 8;
/** Longest header that the format allows. */
const LONGEST_HEADER = 100_000_000;

/**
 * Reads the header of a safetensors file. It is a JSON object of a fixed form, read as such rather than by a general
 * parser, which would take names given twice and know no places.
 */
export function readSafetensorsHeader(source: Source): SafetensorsHeader {
  const { bytes } = source;
  if (bytes.length < LENGTH_BYTES) throw source.error('byte 0', 'the length of the header', `${bytes.length} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const most = Math.min(bytes.length - LENGTH_BYTES, LONGEST_HEADER);
  if (length > most) throw source.error('byte 0', `a header of at most ${most} bytes`, `${length}`);
  const json = new Json(source, LENGTH_BYTES, LENGTH_BYTES + length);
  const metadata = new Map<string, string>();
  const tensors = new Map<string, SafetensorsEntry>();
  json.object((name) => {
    if (name === METADATA) json.object((key) => void metadata.set(key, json.string()));
    else tensors.set(name, readEntry(json, LENGTH_BYTES + length));
  });
  json.end();
  assertTiling(source, LENGTH_BYTES + length, tensors);
  return { metadata, tensors };
}

function readEntry(json: Json, data: number): SafetensorsEntry {
  const { place } = json;
  let dtype = '';
  let shape: number[] | null = null;
  let offsets: number[] = [];
  json.object((key) => {
    if (key === 'dtype') dtype = json.string();
    else if (key === 'shape') shape = json.integers();
    else if (key === 'data_offsets') offsets = json.integers();
    else throw json.error('dtype, shape or data_offsets', JSON.stringify(key));
  });
  const type = Object.hasOwn(SAFETENSORS_TYPES, dtype) ? SAFETENSORS_TYPES[dtype] : null;
  const fail = (expected: string, got: string) => json.source.error(place, expected, got);
  if (!type) throw fail(`a dtype of ${Object.keys(SAFETENSORS_TYPES).join(' ')}`, JSON.stringify(dtype));
  if (!shape) throw fail('a shape', 'none');
  const [begin, end] = offsets;
  if (offsets.length !== 2 || begin > end) throw fail('data_offsets of a begin and an end', `[${offsets}]`);
  const needed = sizeOf(shape) * ELEMENT_BYTES[type];
  if (end - begin !== needed) throw fail(`data_offsets ${needed} bytes apart`, `[${offsets}]`);
  return { dtype: type, shape, begin: data + begin, end: data + end };
}

/** The tensors must cover the data without gaps and overlaps, as the format asks. */
function assertTiling(source: Source, data: number, tensors: ReadonlyMap<string, SafetensorsEntry>): void {
  let at = data;
  for (const [name, { begin, end }] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at)
      throw source.error(`byte ${at}`, `a tensor that begins here`, `${JSON.stringify(name)} at ${begin}`);
    at = end;
  }
  const { length } = source.bytes;
  if (at !== length) throw source.error(`byte ${length}`, `data that ends at byte ${at}`, 'the end of the file');
}
