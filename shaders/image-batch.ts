import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../src/gpu/kernel.js';
import { odometer } from './elements.js';

/** Structure of one batch of images out of packed bytes. */
export interface ImageBatchSpec {
  /** Bytes a pixel, 1 to 4. */
  channels: number;
  /** Buffers that the images are spread over, 1 to 4. */
  parts: number;
  /** Read a window moved at random by up to P.pad pixels, black outside the image. */
  crop: boolean;
  /** Mirror half of the images left to right. */
  flip: boolean;
  workgroup: number;
}

const CHANNELS = [0, 1, 2, 3];

/** Parameters: at most 14 with 4 channels. */
const paramsOf = (spec: ImageBatchSpec): Shader['params'] => [
  ['batch', 'u32'],
  ['height', 'u32'],
  ['width', 'u32'],
  ['words', 'u32'],
  ['per_part', 'u32'],
  ['pad', 'u32'],
  ...CHANNELS.slice(0, spec.channels).flatMap((c): Shader['params'] => [
    [`scale${c}`, 'f32'],
    [`shift${c}`, 'f32'],
  ]),
];

/** The bytes of the word that a part holds at `at`. */
function wordFunction(parts: number): string {
  const cases = CHANNELS.slice(0, parts - 1).map((k) => `if (part == ${k}u) { return part${k}[at]; }`);
  return `fn word(part: u32, at: u32) -> u32 {
  ${[...cases, `return part${parts - 1}[at];`].join('\n  ')}
}`;
}

/**
 * out[b, y, x, c] = byte(rows[b], y', x', c) scale[c] + shift[c], bytes outside of the image being 0, with
 * y' = y + dy - pad, x' = (flipped ? width - 1 - x : x) + dx - pad. Of image b's two random words, the halves of the first
 * give dy and dx in [0, 2 pad] (each value's chance is off by less than (2 pad + 1) / 65536 of itself), the lowest bit of
 * the second gives `flipped`: the crop comes before the flip, and padding before normalisation, as in torchvision.
 *
 * Layout: part k [images, words] of four bytes a word, an image being height x width x channels bytes, row-major, in whole
 * words; rows i32 [batch]; bits u32 [batch, 2], with crop or flip only; out [batch, height, width, channels].
 * Tiling: grid-stride loop over pixels with coordinates by odometer; the channels of a pixel are unrolled in the text.
 * Cost: per pixel one word load a channel, mostly from cache, and one store a channel.
 */
export function imageBatchShader(spec: ImageBatchSpec): Shader {
  const random = spec.crop || spec.flip;
  const walk = odometer('i', ['P.batch', 'P.height', 'P.width']);
  const channels = CHANNELS.slice(0, spec.channels);
  const stores = channels.map(
    (c) => `
    {
      let at = first + ${c}u;
      let w = word(part, base + at / 4u);
      let byte = select(0u, (w >> (8u * (at % 4u))) & 255u, inside);
      out[pixel * ${spec.channels}u + ${c}u] = f32(byte) * P.scale${c} + P.shift${c};
    }`,
  );
  const code = wgsl`
${wordFunction(spec.parts)}
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${spec.workgroup}u;
  var pixel = gid.x + gid.y * groups.x * ${spec.workgroup}u;
  let pixels = P.batch * P.height * P.width;
  ${walk.start('pixel')}
  ${walk.step('stride')}
  while (pixel < pixels) {
    let row = u32(max(rows[i0], 0));
    let part = min(row / P.per_part, ${spec.parts - 1}u);
    let base = (row - part * P.per_part) * P.words;
    var y = i1;
    var x = i2;
#if ${spec.flip}
    x = select(x, P.width - 1u - x, (bits[2u * i0 + 1u] & 1u) == 1u);
#endif
#if ${spec.crop}
    // In [0, size + 2 pad); the image begins at pad. What is before it wraps to large numbers, which are outside as well.
    let shifts = bits[2u * i0];
    y += (((shifts & 0xffffu) * (2u * P.pad + 1u)) >> 16u) - P.pad;
    x += (((shifts >> 16u) * (2u * P.pad + 1u)) >> 16u) - P.pad;
    let inside = (y < P.height) & (x < P.width);
    let first = select(0u, (y * P.width + x) * ${spec.channels}u, inside);
#else
    let inside = true;
    let first = (y * P.width + x) * ${spec.channels}u;
#endif
    ${stores.join('')}
    pixel += stride;
    ${walk.advance}
  }
}`;
  return {
    code,
    bindings: [
      ...CHANNELS.slice(0, spec.parts).map((k) => ({
        name: `part${k}`,
        access: 'read' as const,
        type: 'array<u32>',
      })),
      { name: 'rows', access: 'read', type: 'array<i32>' },
      ...(random ? [{ name: 'bits', access: 'read' as const, type: 'array<u32>' }] : []),
      { name: 'out', access: 'read_write', type: 'array<f32>' },
    ],
    params: paramsOf(spec),
  };
}
