import { type DecodeOptions, Source } from '../sparse/files/source.js';
import { DIGIT_NAMES } from './class-names.js';
import { gunzipped } from './gunzip.js';
import { type ImageSet, imageSet } from './image-set.js';

const SIDE = 8;
const PIXELS = SIDE * SIDE;
const WHITE = 16;

/**
 * Reads the 8x8 digits of the UCI Machine Learning Repository as comma-separated values, gzipped or plain: 64 pixels from
 * 0 to 16, then the label, on each line.
 *
 * @throws FormatError naming the line that is something else
 */
export async function decodeDigitsCsv(file: Uint8Array, options: DecodeOptions = {}): Promise<ImageSet> {
  const source = Source.of(file, 'digits CSV', options);
  const lines = new TextDecoder().decode(await gunzipped(source)).split(/\r?\n/);
  while (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw source.error('line 1', 'a line of 65 numbers', 'an empty file');
  source.claim(lines.length * (PIXELS + 4), 'line 1', `${lines.length} images`);
  const images = new Uint8Array(lines.length * PIXELS);
  const labels = new Int32Array(lines.length);
  for (const [i, line] of lines.entries()) {
    const place = `line ${i + 1}`;
    const cells = line.split(',');
    if (cells.length !== PIXELS + 1) throw source.error(place, `${PIXELS + 1} numbers`, `${cells.length}`);
    const numbers = cells.map((cell, k) => {
      const most = k < PIXELS ? WHITE : DIGIT_NAMES.length - 1;
      const n = /^ *\d{1,2} *$/.test(cell) ? Number(cell) : Number.NaN;
      if (!(n <= most))
        throw source.error(place, `column ${k + 1} from 0 to ${most}`, JSON.stringify(cell.slice(0, 20)));
      return n;
    });
    images.set(numbers.slice(0, PIXELS), i * PIXELS);
    labels[i] = numbers[PIXELS];
  }
  return imageSet({
    name: 'uci-digits',
    count: lines.length,
    height: SIDE,
    width: SIDE,
    channels: 1,
    images,
    white: WHITE,
    labels,
    classNames: DIGIT_NAMES,
  });
}
