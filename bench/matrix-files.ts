import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { decodeMatrixMarket } from '../src/sparse/files/matrix-market.js';
import { decodeSmtx } from '../src/sparse/files/smtx.js';
import type { HostMatrix, MatrixFile } from './case.js';

const MATRIX = /\.(smtx|mtx)$/i;

/**
 * Reads a matrix: compressed rows without values (.smtx, DLMC), or MatrixMarket (.mtx).
 *
 * @throws FormatError naming file, line and what was expected
 */
export function loadMatrix(path: string): HostMatrix {
  const decode = path.toLowerCase().endsWith('.smtx') ? decodeSmtx : decodeMatrixMarket;
  return decode(readFileSync(path), { name: path });
}

/**
 * The matrices of files and folders, those of a folder and its folders by name. Each is read once to learn its size, and
 * again when its case is run.
 *
 * @throws RangeError for a file of another kind, or a folder without matrices; FormatError for one that is malformed
 */
export function findMatrices(paths: readonly string[]): MatrixFile[] {
  const found: MatrixFile[] = [];
  for (const path of paths) {
    const folder = statSync(path).isDirectory();
    const files = folder ? matricesIn(path) : [path];
    if (files.length === 0) throw new RangeError(`${path}: expected a folder with .smtx or .mtx files, found none`);
    for (const file of files) {
      if (!MATRIX.test(file)) throw new RangeError(`${file}: expected an .smtx or .mtx file`);
      const { rows, cols, columns } = loadMatrix(file);
      const name = folder ? relative(path, file) : file;
      found.push({ name, path: file, rows, cols, nnz: columns.length, read: () => loadMatrix(file) });
    }
  }
  return found;
}

const matricesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((f) => MATRIX.test(f))
    .sort()
    .map((f) => join(folder, f));
