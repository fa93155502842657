import { DIGIT_NAMES } from './class-names.js';
import { type DigitOptions, generateDigits } from './digits.js';
import { type ImageSet, imageSet } from './image-set.js';

/** The generated digits as an image set. Errors as `generateDigits`. */
export function digitImages(options: DigitOptions): ImageSet {
  const { images, labels, height, width } = generateDigits(options);
  return imageSet({
    name: 'digits',
    count: labels.length,
    height,
    width,
    channels: 1,
    images,
    white: 255,
    labels: Int32Array.from(labels),
    classNames: DIGIT_NAMES,
  });
}
