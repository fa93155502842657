import type { FormatError } from '../../gpu/errors.js';
import { type IntegerSource, integerRange, type Source } from './source.js';

const NEWLINE = 10;
const SPACE = 32;
const COMMA = 44;
const ZERO = 48;
const MINUS = 45;
const POINT = 46;
/** Digits of which every number is a double. */
const EXACT_DIGITS = 15;
const POWERS = Array.from({ length: EXACT_DIGITS + 1 }, (_, i) => 10 ** i);
const PERCENT = 37;
/** Bytes of a word that a message shows. */
const SHOWN = 40;
const LONGEST_NUMBER = 100;
const WHOLE = /^[-+]?\d+$/;
const DECIMAL = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/;

/**
 * Reads words and numbers out of a text file byte by byte. A text of millions of numbers is never a string, whose parts
 * would take many times its memory. Words end at white space; a number may end at a comma too.
 */
export class Scanner implements IntegerSource {
  private readonly bytes: Uint8Array;
  private at = 0;
  line = 1;

  constructor(private readonly source: Source) {
    this.bytes = source.bytes;
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.bytes.length - this.at;
  }

  get place(): string {
    return `line ${this.line}, byte ${this.at}`;
  }

  /** The next number of the line, in decimal without a sign. */
  integer(what: string, low: number, high: number): number {
    const { bytes } = this;
    const start = this.skipBlanks();
    let at = start;
    let value = 0;
    // Longer numbers end the loop as soon as they leave the range, long before they are no longer exact.
    for (; at < bytes.length && value <= high; at++) {
      const digit = bytes[at] - ZERO;
      if (digit < 0 || digit > 9) break;
      value = 10 * value + digit;
    }
    const ended = at === bytes.length || bytes[at] <= SPACE || bytes[at] === COMMA;
    if (at === start || !ended || value < low || value > high) throw this.expected(integerRange(what, low, high));
    this.at = at;
    return value;
  }

  /** The next number of the line, rounded to float32, which must hold it; `whole` allows no point and no exponent. */
  float(what: string, whole: boolean): number {
    const start = this.skipBlanks();
    const end = this.wordEnd();
    const value = Math.fround(whole ? this.parse(start, end, WHOLE) : this.decimal(start, end));
    if (!Number.isFinite(value))
      throw this.expected(`${what} as a finite float32 number${whole ? ' without a fraction' : ''}`);
    this.at = end;
    return value;
  }

  /** The next word of the line in lower case, one of those given. */
  word<T extends string>(what: string, words: readonly T[]): T {
    const start = this.skipBlanks();
    const end = this.wordEnd();
    const found = words.find((w) => w.length === end - start && w === this.text(start, end).toLowerCase());
    if (found === undefined) throw this.expected(`${what} ${words.join(', ')}`);
    this.at = end;
    return found;
  }

  comma(): void {
    this.skipBlanks();
    if (this.bytes[this.at] !== COMMA) throw this.expected('a comma');
    this.at++;
  }

  /** Passes the end of the line, or of the file. */
  endOfLine(): void {
    this.skipBlanks();
    if (this.at === this.bytes.length) return;
    if (this.bytes[this.at] !== NEWLINE) throw this.expected('the end of the line');
    this.at++;
    this.line++;
  }

  /** Passes blank lines, and those that start with `%`. */
  skipComments(): void {
    while (this.at < this.bytes.length) {
      const next = this.bytes[this.skipBlanks()];
      if (next === PERCENT) while (this.at < this.bytes.length && this.bytes[this.at] !== NEWLINE) this.at++;
      else if (next !== NEWLINE) return;
      this.endOfLine();
    }
  }

  /** @throws FormatError unless nothing but white space is left */
  endOfFile(what: string): void {
    while (this.bytes[this.skipBlanks()] === NEWLINE) this.endOfLine();
    if (this.at < this.bytes.length) throw this.expected(what);
  }

  /** The error for something else at this place. */
  expected(what: string): FormatError {
    this.skipBlanks();
    const end = this.wordEnd();
    const word = JSON.stringify(this.text(this.at, Math.min(end, this.at + SHOWN)));
    const here = this.at === this.bytes.length ? 'the end of the file' : 'the end of the line';
    return this.source.error(this.place, what, end === this.at ? here : end - this.at > SHOWN ? `${word}...` : word);
  }

  /** Passes white space within the line, carriage returns being such. */
  private skipBlanks(): number {
    const { bytes } = this;
    while (this.at < bytes.length && bytes[this.at] <= SPACE && bytes[this.at] !== NEWLINE) this.at++;
    return this.at;
  }

  /**
   * The number between two places. Few digits with at most a sign and a point are the common form and need no string:
   * they and the power of ten are exact, so that their quotient is the nearest double.
   */
  private decimal(start: number, end: number): number {
    const { bytes } = this;
    const from = bytes[start] === MINUS ? start + 1 : start;
    let digits = 0;
    let point = end;
    for (let at = from; at < end; at++) {
      const digit = bytes[at] - ZERO;
      if (digit >= 0 && digit <= 9) digits = 10 * digits + digit;
      else if (bytes[at] === POINT && point === end) point = at;
      else return this.parse(start, end, DECIMAL);
    }
    const decimals = Math.max(0, end - point - 1);
    const count = point === end ? end - from : end - from - 1;
    if (count === 0 || count > EXACT_DIGITS) return this.parse(start, end, DECIMAL);
    const value = digits / POWERS[decimals];
    return from > start ? -value : value;
  }

  /** The number between two places, NaN where it is not of the form. */
  private parse(start: number, end: number, form: RegExp): number {
    const text = end - start <= LONGEST_NUMBER ? this.text(start, end) : '';
    return form.test(text) ? Number(text) : Number.NaN;
  }

  private wordEnd(): number {
    let end = this.at;
    while (end < this.bytes.length && this.bytes[end] > SPACE) end++;
    return end;
  }

  private text(start: number, end: number): string {
    return String.fromCharCode(...this.bytes.subarray(start, end));
  }
}
