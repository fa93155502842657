import type { FormatError } from '../../gpu/errors.js';
import type { Source } from './source.js';

const QUOTE = 34;
const BACKSLASH = 92;
const BLANKS = [9, 10, 13, 32];
/** Bytes that a message shows. */
const SHOWN = 20;

/** Reads JSON of a known form from bytes, in order. All of it must be there, and nothing else. */
export class Json {
  constructor(
    readonly source: Source,
    private at: number,
    private readonly stop: number,
  ) {}

  get place(): string {
    return `byte ${this.at}`;
  }

  error(expected: string, got: string): FormatError {
    return this.source.error(this.place, expected, got);
  }

  /** An object of different keys; `value` must read the value of each. */
  object(value: (key: string) => void): void {
    const keys = new Set<string>();
    this.list('{', '}', () => {
      const { place } = this;
      const key = this.string();
      if (keys.has(key)) throw this.source.error(place, 'each name once', JSON.stringify(key));
      keys.add(key);
      this.take(':');
      value(key);
    });
  }

  /** A list of whole numbers from 0 on. */
  integers(): number[] {
    const values: number[] = [];
    this.list('[', ']', () => void values.push(this.integer()));
    return values;
  }

  string(): string {
    if (this.peek() !== '"') throw this.unexpected('a string');
    let end = this.at + 1;
    while (end < this.stop && this.source.bytes[end] !== QUOTE) end += this.source.bytes[end] === BACKSLASH ? 2 : 1;
    if (end >= this.stop) throw this.error('a string', 'one without an end');
    const text = this.source.bytes.subarray(this.at, end + 1);
    try {
      const value: string = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text));
      this.at = end + 1;
      return value;
    } catch {
      throw this.error('a string in UTF-8 with the escapes of JSON', 'another');
    }
  }

  /** @throws FormatError unless only blanks are left */
  end(): void {
    if (this.peek() !== '') throw this.unexpected('the end of the header');
  }

  private integer(): number {
    this.peek();
    const start = this.at;
    let value = 0;
    for (; this.at < this.stop; this.at++) {
      const digit = this.source.bytes[this.at] - 48;
      if (digit < 0 || digit > 9 || value > Number.MAX_SAFE_INTEGER) break;
      value = 10 * value + digit;
    }
    if (this.at > start && value <= Number.MAX_SAFE_INTEGER) return value;
    this.at = start;
    throw this.unexpected('a whole number');
  }

  private list(open: string, close: string, item: () => void): void {
    this.take(open);
    if (this.peek() !== close) {
      item();
      while (this.peek() === ',') {
        this.take(',');
        item();
      }
    }
    this.take(close);
  }

  private take(what: string): void {
    if (this.peek() !== what) throw this.unexpected(`'${what}'`);
    this.at++;
  }

  /** The next character that is not blank, '' at the end. */
  private peek(): string {
    const { bytes } = this.source;
    while (this.at < this.stop && BLANKS.includes(bytes[this.at])) this.at++;
    return this.at < this.stop ? String.fromCharCode(bytes[this.at]) : '';
  }

  private unexpected(expected: string): FormatError {
    const rest = this.source.bytes.subarray(this.at, Math.min(this.at + SHOWN, this.stop));
    return this.error(
      expected,
      rest.length > 0 ? JSON.stringify(String.fromCharCode(...rest)) : 'the end of the header',
    );
  }
}
