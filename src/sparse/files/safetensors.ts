import { ArgumentError } from '../../gpu/errors.js';
import { concatBytes } from './bytes.js';
import { decodeElements, ELEMENT_BYTES, encodeElements, type FileArray } from './elements.js';
import { LENGTH_BYTES, METADATA, readSafetensorsHeader, SAFETENSORS_TYPES } from './safetensors-header.js';
import { type DecodeOptions, Source } from './source.js';

const SPACE = 32;
const ALIGNMENT = 8;
const NAMES = new Map(Object.entries(SAFETENSORS_TYPES).map(([name, dtype]) => [dtype, name]));

/** The content of a safetensors file. */
export interface Safetensors {
  tensors: ReadonlyMap<string, FileArray>;
  /** Free text by key. */
  metadata: ReadonlyMap<string, string>;
}

/**
 * Reads a safetensors file. Dense masks are BOOL or U8 tensors of it; sparse matrices are several tensors each, which
 * `decodeSafetensorsMatrix` puts together. NaN and infinities are values like others here.
 *
 * @throws FormatError naming the byte, where the header lies about its length, is not the format's JSON, gives a name
 * twice or an unknown dtype, or where tensors overlap, leave gaps, or do not have the bytes of their shape
 */
export function decodeSafetensors(bytes: Uint8Array, options: DecodeOptions = {}): Safetensors {
  const source = Source.of(bytes, 'safetensors', options);
  const { metadata, tensors } = readSafetensorsHeader(source);
  const arrays = new Map<string, FileArray>();
  for (const [name, { dtype, shape, begin, end }] of tensors)
    arrays.set(name, { dtype, shape, data: decodeElements(source, begin, dtype, bytes.subarray(begin, end)) });
  return { metadata, tensors: arrays };
}

/**
 * Writes a safetensors file: tensors of wide elements first, so that all are aligned, and otherwise in the order given.
 *
 * @throws ArgumentError for data that does not fit its dtype or shape, or a name that the format keeps for itself
 */
export function encodeSafetensors(content: Pick<Safetensors, 'tensors'> & Partial<Safetensors>): Uint8Array {
  const op = 'encodeSafetensors';
  if (content.tensors.has(METADATA)) throw new ArgumentError(op, `names other than ${METADATA}`, METADATA);
  const wideFirst = [...content.tensors].sort(([, a], [, b]) => width(b) - width(a));
  const data = wideFirst.map(([, array]) => encodeElements(op, array));
  const entries: [string, unknown][] = [];
  if (content.metadata) entries.push([METADATA, Object.fromEntries(content.metadata)]);
  let at = 0;
  wideFirst.forEach(([name, { dtype, shape }], i) => {
    const end = at + data[i].length;
    entries.push([name, { dtype: NAMES.get(dtype), shape, data_offsets: [at, end] }]);
    at = end;
  });
  // Object.fromEntries would move names that are numbers to the front.
  const json = `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = new TextEncoder().encode(json);
  const header = new Uint8Array(LENGTH_BYTES + Math.ceil(text.length / ALIGNMENT) * ALIGNMENT).fill(SPACE);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - LENGTH_BYTES), true);
  header.set(text, LENGTH_BYTES);
  return concatBytes([header, ...data]);
}

const width = ({ dtype }: FileArray): number => ELEMENT_BYTES[dtype];
