/** JPEG and PNG files as pixels. */

import { convertIndexedToRgb, type DecodedPng, decode as decodePng } from 'fast-png';
import jpeg from 'jpeg-js';
import { FormatError } from '../gpu/errors.js';
import { type DecodeOptions, Source } from '../sparse/files/source.js';

export interface DecodedImage {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  /** height x width x channels, row major. */
  readonly pixels: Uint8Array;
}

export interface ImageOptions extends DecodeOptions {
  /** 3 (default): red, green, blue, of grey images too; 1: grey, of colour images the luma of ITU-R BT.601. */
  readonly channels?: 1 | 3;
}

/** Bytes that decoders need for a pixel at most, beside the file: coefficients of three channels, and the result. */
const BYTES_A_PIXEL = 24;

/**
 * Decodes a JPEG (baseline or progressive, grey or YCbCr) or a PNG (all colour types and depths, interlaced or not), told
 * apart by their first bytes. 16 bits a channel are rounded to 8; opacity is dropped, as `convert('RGB')` of Pillow does.
 *
 * @throws FormatError for damaged or cut files, other formats, and what is not decoded: CMYK and YCCK, arithmetic coding,
 * lossless JPEG, 12 bits a channel, interlaced PNG of less than 8 bits
 */
export function decodeImage(file: Uint8Array, options: ImageOptions = {}): DecodedImage {
  const source = Source.of(file, 'image', options);
  const { height, width, rgb } = isJpeg(file) ? readJpeg(source) : readPng(source);
  const channels = options.channels ?? 3;
  return { height, width, channels, pixels: channels === 3 ? rgb : luma(rgb) };
}

interface Rgb {
  height: number;
  width: number;
  rgb: Uint8Array;
}

const isJpeg = (file: Uint8Array) => file[0] === 0xff && file[1] === 0xd8 && file[2] === 0xff;

function readJpeg(source: Source): Rgb {
  const { height, width } = frameOf(source);
  claimPixels(source, height, width);
  // The budget of the source has limited them.
  const limits = { maxResolutionInMP: Number.POSITIVE_INFINITY, maxMemoryUsageInMB: Number.POSITIVE_INFINITY };
  const image = decoding(source, 'JPEG', () =>
    jpeg.decode(source.bytes, { useTArray: true, formatAsRGBA: false, tolerantDecoding: false, ...limits }),
  );
  return { height, width, rgb: image.data };
}

/** Markers of frames that are decoded, and names of those that are not. */
const DECODED_FRAMES = [0xc0, 0xc1, 0xc2];
const NOT_FRAMES = [0xc4, 0xc8, 0xcc];
const frameName = (marker: number) =>
  marker >= 0xc9 ? 'arithmetic coding' : marker % 4 === 3 ? 'lossless JPEG' : 'hierarchical JPEG';

/** Height and width out of the frame header. @throws FormatError where there is none, or of a kind that is not decoded */
function frameOf(source: Source): { height: number; width: number } {
  const { bytes } = source;
  const u16 = (at: number) => bytes[at] * 256 + bytes[at + 1];
  const place = (at: number) => `byte ${at}`;
  for (let at = 2; at + 9 < bytes.length; at += 2 + u16(at + 2)) {
    while (bytes[at + 1] === 0xff) at++; // fill bytes
    const marker = bytes[at + 1];
    if (bytes[at] !== 0xff) throw source.error(place(at), 'a JPEG marker', `${bytes[at]}`);
    if (marker < 0xc0 || marker > 0xcf || NOT_FRAMES.includes(marker)) continue;
    const expected = 'a baseline or progressive JPEG of 8 bits, grey or YCbCr';
    if (!DECODED_FRAMES.includes(marker)) throw source.error(place(at), expected, frameName(marker));
    const [bits, height, width, components] = [bytes[at + 4], u16(at + 5), u16(at + 7), bytes[at + 9]];
    if (bits !== 8) throw source.error(place(at), expected, `${bits} bits`);
    if (components === 4) throw source.error(place(at), expected, 'four components (CMYK or YCCK)');
    if (components !== 1 && components !== 3) throw source.error(place(at), expected, `${components} components`);
    return { height, width };
  }
  throw source.error(place(bytes.length), 'a JPEG frame header', 'the end of the file');
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function readPng(source: Source): Rgb {
  const { bytes } = source;
  if (!PNG_SIGNATURE.every((byte, i) => bytes[i] === byte))
    throw source.error('byte 0', 'a JPEG or PNG file', `bytes ${[...bytes.subarray(0, 4)].join(' ') || 'of none'}`);
  if (bytes.length < 33)
    throw source.error(`byte ${bytes.length}`, 'a PNG header of 33 bytes', `${bytes.length} bytes`);
  const header = new DataView(bytes.buffer, bytes.byteOffset + 16, 8);
  const [width, height] = [header.getUint32(0), header.getUint32(4)];
  claimPixels(source, height, width);
  // The decoder takes each pixel of an interlaced image for a whole byte at least.
  if (bytes[24] < 8 && bytes[28] !== 0)
    throw source.error('byte 24', '8 or 16 bits in an interlaced PNG', `${bytes[24]}`);
  const png = decoding(source, 'PNG', () => decodePng(bytes, { checkCrc: true }));
  return { height, width, rgb: decoding(source, 'PNG', () => pngRgb(png)) };
}

function pngRgb(png: DecodedPng): Uint8Array {
  const { depth, channels, data } = png;
  if (channels === 1 && (png.palette || depth < 8)) {
    // Grey of few bits is packed as indices are, into a palette of greys.
    const greys = () => Array.from({ length: 2 ** depth }, (_, v) => new Array(3).fill((v * 255) / (2 ** depth - 1)));
    const palette = (png.palette ?? greys()).map((colour) => colour.slice(0, 3));
    return convertIndexedToRgb({ ...png, palette });
  }
  const pixels = png.width * png.height;
  const rgb = new Uint8Array(3 * pixels);
  const colours = channels < 3 ? 1 : 3;
  for (let p = 0; p < pixels; p++)
    for (let c = 0; c < 3; c++) {
      const value = data[p * channels + (colours === 1 ? 0 : c)];
      rgb[3 * p + c] = depth === 16 ? Math.round(value / 257) : value;
    }
  return rgb;
}

function claimPixels(source: Source, height: number, width: number): void {
  const size = `${height}x${width} pixels`;
  if (height < 1 || width < 1) throw source.error('header', 'at least one pixel', size);
  source.claim(height * width * BYTES_A_PIXEL, 'header', size);
}

/** What the decoder throws, with the file's name. */
function decoding<T>(source: Source, format: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof FormatError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw source.error('data', `a whole ${format}`, `a damaged or cut file (${reason})`);
  }
}

/** Luma of ITU-R BT.601 in 16-bit fixed point, as Pillow's `convert('L')`. */
function luma(rgb: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: rgb.length / 3 }, (_, p) => {
    const [r, g, b] = [rgb[3 * p], rgb[3 * p + 1], rgb[3 * p + 2]];
    return (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
  });
}
