import { ArgumentError, FormatError } from '../../gpu/errors.js';

export interface DecodeOptions {
  /** What errors call the file. */
  name?: string;
  /**
   * Most bytes that the arrays made while reading may take; 256 MiB or 16 times the file, the larger, if left out.
   * Few bytes can stand for much: a header alone declares empty rows, and compressed files unfold a thousandfold.
   */
  maxBytes?: number;
}

const LEAST_BUDGET = 2 ** 28;
const BUDGET_PER_BYTE = 16;

/** The bytes of a file while they are read: what errors call it, and how much memory reading may still take. */
export class Source {
  private constructor(
    readonly name: string,
    readonly bytes: Uint8Array,
    private readonly budget: { readonly most: number; taken: number },
  ) {}

  /** @param format what errors call a file without a name */
  static of(bytes: Uint8Array, format: string, options: DecodeOptions): Source {
    const { name = format, maxBytes = Math.max(LEAST_BUDGET, BUDGET_PER_BYTE * bytes.length) } = options;
    if (!(maxBytes >= 0)) throw new ArgumentError(format, 'maxBytes as a number >= 0', String(maxBytes));
    return new Source(name, bytes, { most: maxBytes, taken: 0 });
  }

  /** A file inside this one, which takes from the same budget. */
  inner(name: string, bytes: Uint8Array): Source {
    return new Source(`${this.name}: ${name}`, bytes, this.budget);
  }

  error(place: string, expected: string, got: string): FormatError {
    return new FormatError(this.name, place, expected, got);
  }

  /**
   * Counts bytes about to be allocated against the budget.
   *
   * @throws FormatError where it does not hold them
   */
  claim(bytes: number, place: string, what: string): void {
    this.budget.taken += bytes;
    if (this.budget.taken <= this.budget.most) return;
    throw this.error(place, `what is read in ${this.budget.most} bytes (option maxBytes)`, what);
  }
}

/** Whole numbers in the order of a file, whether written in decimal or in binary. */
export interface IntegerSource {
  /**
   * The next number.
   *
   * @throws FormatError unless it is a whole number in [low, high]
   */
  integer(what: string, low: number, high: number): number;
}

/** What a message says of a whole number in [low, high]. */
export function integerRange(what: string, low: number, high: number): string {
  if (low > high) return `no further ${what} in this row`;
  return low === high ? `${what} ${low}` : `${what} from ${low} to ${high}`;
}
