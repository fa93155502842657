/** What `process.stderr` has, of a terminal or not. */
export interface ProgressStream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** Lines in logs come at most this often, in milliseconds; on a terminal one line is updated in place. */
const LOG_EVERY = 5_000;
const REDRAW_EVERY = 100;

/** Tells what setup is doing: one updating line on a terminal, plain lines elsewhere, nothing when quiet. */
export class Progress {
  readonly #out: ProgressStream;
  readonly #quiet: boolean;
  readonly #started = performance.now();
  #step = '';
  #last = 0;
  #drawn = false;

  constructor(out: ProgressStream, quiet: boolean) {
    this.#out = out;
    this.#quiet = quiet;
  }

  /** Seconds since setup began. */
  get elapsed(): number {
    return (performance.now() - this.#started) / 1000;
  }

  /** Begins a step, for example `downloading 30 packages`. */
  step(text: string): void {
    this.#step = text;
    this.#last = 0;
    this.detail('');
  }

  /** Says how far the current step is, for example `42 %`. */
  detail(text: string): void {
    if (this.#quiet) return;
    const now = performance.now();
    if (this.#last && now - this.#last < (this.#out.isTTY ? REDRAW_EVERY : LOG_EVERY)) return;
    this.#last = now;
    const line = `secateur setup: ${this.#step}${text ? ` (${text})` : ''}, ${this.elapsed.toFixed(1)} s`;
    if (this.#out.isTTY) {
      this.#out.write(`\r\x1b[2K${line.slice(0, (this.#out.columns ?? 80) - 1)}`);
      this.#drawn = true;
    } else {
      this.#out.write(`${line}\n`);
    }
  }

  /** Prints a line of its own that stays, for example the outcome. */
  say(text: string): void {
    if (this.#quiet) return;
    this.clear();
    this.#out.write(`secateur setup: ${text}\n`);
  }

  /** Wipes the updating line, so that something else can be printed. */
  clear(): void {
    if (this.#drawn) this.#out.write('\r\x1b[2K');
    this.#drawn = false;
  }
}
