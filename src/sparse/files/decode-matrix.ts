import { FormatError } from '../../gpu/errors.js';
import type { CsrMatrix } from './csr-matrix.js';
import { decodeMatrixMarket } from './matrix-market.js';
import { decodeNpyMatrix } from './npy.js';
import { decodeSafetensorsMatrix, type SafetensorsMatrixOptions } from './safetensors-matrix.js';
import { decodeScipyNpz } from './scipy-npz.js';
import { decodeSmtx } from './smtx.js';

type Decoder = (bytes: Uint8Array, options: SafetensorsMatrixOptions) => CsrMatrix | Promise<CsrMatrix>;

const DECODERS: Record<string, Decoder> = {
  '.smtx': decodeSmtx,
  '.mtx': decodeMatrixMarket,
  '.npz': decodeScipyNpz,
  '.npy': decodeNpyMatrix,
  '.safetensors': decodeSafetensorsMatrix,
};

/** Endings of the names of files that `decodeMatrix` reads. */
export const MATRIX_EXTENSIONS: readonly string[] = Object.keys(DECODERS);

/**
 * Reads a sparse matrix in the format that the file's name ends with: `.smtx`, `.mtx`, `.npz`, `.npy` (a dense matrix,
 * of which the elements other than 0 are taken) or `.safetensors`.
 *
 * @throws FormatError for another ending, and as the format's own function does
 */
export async function decodeMatrix(
  bytes: Uint8Array,
  options: SafetensorsMatrixOptions & { name: string },
): Promise<CsrMatrix> {
  const { name } = options;
  const extension = MATRIX_EXTENSIONS.find((ending) => name.toLowerCase().endsWith(ending));
  if (extension) return DECODERS[extension](bytes, options);
  throw new FormatError(name, 'its name', `an ending of ${MATRIX_EXTENSIONS.join(' ')}`, JSON.stringify(name));
}
