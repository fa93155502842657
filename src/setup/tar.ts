import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SetupError } from './run.js';

export interface TarEntry {
  /** Relative, with forward slashes, and without `.` or `..` segments. */
  path: string;
  type: 'file' | 'directory' | 'other';
  /** Unix permission bits. */
  mode: number;
  data: Uint8Array;
}

const BLOCK = 512;
const text = new TextDecoder();

/**
 * Reads a whole POSIX tar (ustar, with pax and GNU long names).
 *
 * @throws SetupError for a damaged or truncated archive and for a path that leaves the folder it is unpacked into
 */
export function readTar(bytes: Uint8Array): TarEntry[] {
  const entries: TarEntry[] = [];
  let longName: string | null = null;
  for (let at = 0; ; ) {
    if (at + BLOCK > bytes.length) throw new SetupError(`tar: truncated at byte ${at}: no end marker`);
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return entries;
    checkSum(header, at);
    const size = number(header, 124, 12);
    const data = bytes.subarray(at + BLOCK, at + BLOCK + size);
    if (data.length < size) {
      throw new SetupError(`tar: truncated at byte ${at}: expected ${size} bytes of data, got ${data.length}`);
    }
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const type = String.fromCharCode(header[156]);
    if (type === 'L') {
      longName = string(data, 0, size);
    } else if (type === 'x') {
      longName = paxPath(data) ?? longName;
    } else if (type !== 'g') {
      const prefix = string(header, 257, 5) === 'ustar' ? string(header, 345, 155) : '';
      const name = longName ?? (prefix ? `${prefix}/` : '') + string(header, 0, 100);
      longName = null;
      const kind = type === '0' || type === '\0' ? 'file' : type === '5' ? 'directory' : 'other';
      entries.push({ path: safePath(name), type: kind, mode: number(header, 100, 8) & 0o777, data });
    }
  }
}

/** Writes the archive's files and folders that `select` maps to a path below `folder`; null leaves an entry out. */
export function unpackTar(bytes: Uint8Array, folder: string, select: (path: string) => string | null): string[] {
  const written: string[] = [];
  for (const entry of readTar(bytes)) {
    const target = select(entry.path);
    if (target === null) continue;
    if (entry.type === 'other')
      throw new SetupError(`tar: expected a file or folder, got a link or device: ${entry.path}`);
    const path = join(folder, safePath(target));
    mkdirSync(entry.type === 'directory' ? path : dirname(path), { recursive: true });
    if (entry.type === 'directory') continue;
    writeFileSync(path, entry.data, { mode: entry.mode | 0o600 });
    written.push(target);
  }
  return written;
}

function safePath(name: string): string {
  const parts = name.split('/').filter((part, i) => part !== '.' && (part !== '' || i === 0));
  if (parts[0] === '' || parts.includes('..') || name.includes('\\') || name.includes('\0')) {
    throw new SetupError(`tar: refused a path outside its folder: ${JSON.stringify(name)}`);
  }
  return parts.join('/');
}

function checkSum(header: Uint8Array, at: number): void {
  // The sum of all header bytes, its own field counted as blanks.
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  const stored = number(header, 148, 8);
  if (sum !== stored)
    throw new SetupError(`tar: damaged header at byte ${at}: expected checksum ${stored}, got ${sum}`);
}

function number(header: Uint8Array, at: number, length: number): number {
  const field = string(header, at, length).trim();
  if (!/^[0-7]*$/.test(field)) throw new SetupError(`tar: expected an octal number, got ${JSON.stringify(field)}`);
  return field === '' ? 0 : Number.parseInt(field, 8);
}

function string(bytes: Uint8Array, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return text.decode(end < 0 ? field : field.subarray(0, end));
}

/** The `path` of a pax header, whose records are `length key=value\n`. */
function paxPath(data: Uint8Array): string | null {
  for (let at = 0; at < data.length; ) {
    const length = Number.parseInt(text.decode(data.subarray(at, at + 20)), 10);
    if (!(length > 0)) return null;
    const record = text.decode(data.subarray(at, at + length - 1));
    const [key, value] = splitOnce(record.slice(record.indexOf(' ') + 1), '=');
    if (key === 'path') return value;
    at += length;
  }
  return null;
}

function splitOnce(record: string, separator: string): [string, string] {
  const i = record.indexOf(separator);
  return [record.slice(0, i), record.slice(i + 1)];
}
