import { createHash } from 'node:crypto';
import { ArgumentError } from '../gpu/errors.js';
import type { Json } from './record.js';

/**
 * JSON with sorted keys and no spaces: equal values have equal texts. -0 is written as 0.
 *
 * @throws ArgumentError for what JSON cannot say (NaN, infinities, undefined, functions, class instances), with its path
 */
export function canonicalJson(value: Json): string {
  return write(value, '');
}

function write(value: unknown, path: string): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refusal(path, String(value));
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((entry, i) => write(entry, `${path}[${i}]`)).join(',')}]`;
  if (typeof value !== 'object') throw refusal(path, typeof value);
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw refusal(path, value.constructor?.name ?? 'an object');
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = entries.map(([key, entry]) => `${JSON.stringify(key)}:${write(entry, path ? `${path}.${key}` : key)}`);
  return `{${texts.join(',')}}`;
}

function refusal(path: string, got: string): ArgumentError {
  const expected = 'null, booleans, finite numbers, strings, arrays and plain objects';
  return new ArgumentError('canonicalJson', expected, path ? `${got} at ${path}` : got);
}

/** The first 16 hexadecimal digits of the SHA-256 of a value's canonical JSON. */
export function contentHash(value: Json): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 16);
}
