import { type DecodeOptions, Source } from '../sparse/files/source.js';

/** Classes of the digit sets, in the labels' order. */
export const DIGIT_NAMES: readonly string[] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/** Classes of Fashion-MNIST, in the labels' order. */
export const FASHION_NAMES: readonly string[] = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
];

/** Classes of Kuzushiji-MNIST, in the labels' order. */
export const KMNIST_NAMES: readonly string[] = ['o', 'ki', 'su', 'tsu', 'na', 'ha', 'ma', 'ya', 're', 'wo'];

/** The classes of CIFAR-10, in the labels' order. */
export const CIFAR10_NAMES: readonly string[] = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

/** The names in one of CIFAR's text files, one a line. @throws FormatError unless they are `count`, all different */
export function decodeClassNames(bytes: Uint8Array, count: number, options: DecodeOptions = {}): string[] {
  const source = Source.of(bytes, 'class names', options);
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  const names = lines.map((line) => line.trim()).filter((line) => line !== '');
  const different = new Set(names).size;
  if (different !== count || names.length !== count)
    throw source.error('line 1', `${count} different names, one a line`, `${different} of ${names.length}`);
  return names;
}
