import { sizeOf } from '../../tensor/shape.js';
import { assertCsr, type CsrMatrix, MOST } from './csr-matrix.js';
import { encodeNpy, npyBytes, npyHeader, placedNpy } from './npy.js';
import { csrOfArrays } from './placed-array.js';
import { type DecodeOptions, Source } from './source.js';
import { unzip, zip, zipEntries } from './zip.js';

/**
 * Reads a matrix that `scipy.sparse.save_npz` wrote in CSR form, compressed or not: a zip archive of `format.npy`,
 * `shape.npy`, `indptr.npy`, `indices.npy` and `data.npy`. Values are rounded to float32.
 *
 * @throws FormatError naming the member and byte; among others for other sparse forms (`.tocsr()` in Python), columns
 * that are unsorted (`.sort_indices()`) or double (`.sum_duplicates()`), and values that are not finite
 */
export async function decodeScipyNpz(bytes: Uint8Array, options: DecodeOptions = {}): Promise<CsrMatrix> {
  const source = Source.of(bytes, 'npz', options);
  const members = zipEntries(source);
  const open = async (name: string) => {
    const member = members.get(name);
    if (!member) throw source.error('its directory', name, [...members.keys()].join(', ') || 'nothing');
    return source.inner(name, await unzip(source, member));
  };
  assertFormat(await open('format.npy'));
  const shape = readShape(await open('shape.npy'));
  const [offsets, columns, values] = [
    placedNpy(await open('indptr.npy')),
    placedNpy(await open('indices.npy')),
    placedNpy(await open('data.npy')),
  ];
  return csrOfArrays(shape, offsets, columns, values);
}

/** The name of the sparse form: bytes or UTF-32 of a NumPy string. */
function assertFormat(source: Source): void {
  const { descr, shape, at } = npyHeader(source);
  if (!/^(\|S|<U)\d{1,2}$/.test(descr) || sizeOf(shape) !== 1) throw source.error(`byte ${at}`, 'a string', descr);
  const text = String.fromCharCode(...source.bytes.subarray(at, at + 100)).replaceAll('\0', '');
  if (text !== 'csr') throw source.error(`byte ${at}`, 'a matrix in CSR form', JSON.stringify(text));
}

function readShape(source: Source): [rows: number, cols: number] {
  const from = placedNpy(source).vector(2).integers();
  return [from.integer('number of rows', 0, MOST), from.integer('number of columns', 0, MOST)];
}

export interface ScipyNpzOptions {
  /** Deflates the arrays, as SciPy does unless told otherwise. Default false. */
  compressed?: boolean;
}

/**
 * Writes a matrix as `scipy.sparse.load_npz` reads it: float32 values, which are 1 where there are none, and 32-bit
 * indices.
 */
export function encodeScipyNpz(matrix: CsrMatrix, options: ScipyNpzOptions = {}): Promise<Uint8Array> {
  assertCsr('encodeScipyNpz', matrix);
  const { rows, cols, offsets, columns } = matrix;
  const values = matrix.values ?? new Float32Array(columns.length).fill(1);
  const indices = (data: Uint32Array) => encodeNpy({ dtype: 'i32', shape: [data.length], data: new Int32Array(data) });
  const members = {
    'indices.npy': indices(columns),
    'indptr.npy': indices(offsets),
    'format.npy': npyBytes('|S3', [], new TextEncoder().encode('csr')),
    'shape.npy': encodeNpy({ dtype: 'i64', shape: [2], data: BigInt64Array.of(BigInt(rows), BigInt(cols)) }),
    'data.npy': encodeNpy({ dtype: 'f32', shape: [values.length], data: values }),
  };
  return zip(new Map(Object.entries(members)), options.compressed ?? false);
}
