import { assertCsr, type CsrMatrix, MOST } from './csr-matrix.js';
import { decodeElements, type FileArray } from './elements.js';
import { Json } from './json.js';
import { csrOfArrays, csrOfMatrix, PlacedArray } from './placed-array.js';
import type { Safetensors } from './safetensors.js';
import { LENGTH_BYTES, readSafetensorsHeader, type SafetensorsHeader } from './safetensors-header.js';
import { type DecodeOptions, Source } from './source.js';

/**
 * The tensors of sparse matrices, for `encodeSafetensors`. The format knows only dense arrays; a matrix `fc1` is
 *
 * | tensor          | dtype, shape       | what                                                   |
 * |-----------------|--------------------|--------------------------------------------------------|
 * | `fc1.offsets`   | I32 [rows + 1]     | place of each row's first entry, and number of entries |
 * | `fc1.columns`   | I32 [nnz]          | column of each entry, ascending within a row           |
 * | `fc1.values`    | F32 [nnz]          | its value; left out where there are none               |
 *
 * and in the metadata `fc1.shape`, `[rows,cols]`. Readers take any type of whole numbers for the first two.
 */
export function csrTensors(matrices: ReadonlyMap<string, CsrMatrix>): Safetensors {
  const tensors = new Map<string, FileArray>();
  const metadata = new Map<string, string>();
  for (const [name, matrix] of matrices) {
    assertCsr('csrTensors', matrix);
    const { rows, cols, offsets, columns, values } = matrix;
    const indices = (data: Uint32Array): FileArray => ({
      dtype: 'i32',
      shape: [data.length],
      data: new Int32Array(data),
    });
    tensors.set(`${name}.offsets`, indices(offsets));
    tensors.set(`${name}.columns`, indices(columns));
    if (values) tensors.set(`${name}.values`, { dtype: 'f32', shape: [values.length], data: values });
    metadata.set(`${name}.shape`, `[${rows},${cols}]`);
  }
  return { tensors, metadata };
}

export interface SafetensorsMatrixOptions extends DecodeOptions {
  /** Name of the matrix; needed where the file has several. */
  tensor?: string;
}

/**
 * Reads one matrix of a safetensors file: sparse as `csrTensors` writes it, or a dense tensor of two axes, of which the
 * elements other than 0 are the entries; those of a BOOL or U8 mask have no values.
 *
 * @throws FormatError as `decodeSafetensors`, and for a matrix that is not there or not in compressed rows
 */
export function decodeSafetensorsMatrix(bytes: Uint8Array, options: SafetensorsMatrixOptions = {}): CsrMatrix {
  const source = Source.of(bytes, 'safetensors', options);
  const header = readSafetensorsHeader(source);
  const name = options.tensor ?? onlyMatrix(source, header);
  const open = (tensor: string) => {
    const entry = header.tensors.get(tensor);
    if (!entry) throw source.error(`byte ${LENGTH_BYTES}`, `a tensor ${JSON.stringify(tensor)}`, 'no such name');
    const { dtype, shape, begin, end } = entry;
    source.claim(4 * (end - begin), `byte ${begin}`, `${end - begin} bytes of ${JSON.stringify(tensor)}`);
    const data = decodeElements(source, begin, dtype, bytes.subarray(begin, end));
    return new PlacedArray(source, { dtype, shape, data }, begin);
  };
  if (!header.tensors.has(`${name}.offsets`)) return csrOfMatrix(open(name));
  const values = header.tensors.has(`${name}.values`) ? open(`${name}.values`) : undefined;
  return csrOfArrays(readShape(source, header, name), open(`${name}.offsets`), open(`${name}.columns`), values);
}

/** The name of the file's matrix, where it has one only. */
function onlyMatrix(source: Source, { tensors }: SafetensorsHeader): string {
  const sparse = [...tensors.keys()].filter((n) => n.endsWith('.offsets')).map((n) => n.slice(0, -'.offsets'.length));
  const dense = [...tensors].filter(([, { shape }]) => shape.length === 2).map(([n]) => n);
  const names = [...sparse, ...dense];
  if (names.length === 1) return names[0];
  const list = names.slice(0, 8).join(', ') + (names.length > 8 ? ', ...' : '');
  throw source.error(`byte ${LENGTH_BYTES}`, 'one matrix, or the name of one (option tensor)', list || 'none');
}

function readShape(source: Source, { metadata }: SafetensorsHeader, name: string): readonly number[] {
  const text = new TextEncoder().encode(metadata.get(`${name}.shape`) ?? '');
  const json = new Json(source.inner(`metadata ${name}.shape`, text), 0, text.length);
  const shape = json.integers();
  json.end();
  if (shape.length !== 2 || shape.some((d) => d > MOST)) throw json.error('[rows,cols]', `[${shape}]`);
  return shape;
}
