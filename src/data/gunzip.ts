import { concatBytes } from '../sparse/files/bytes.js';
import type { Source } from '../sparse/files/source.js';

/** The source's bytes, unfolded where they are a gzip file. @throws FormatError where it is damaged, cut or too large */
export async function gunzipped(source: Source): Promise<Uint8Array> {
  const { bytes } = source;
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unfolded = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream('gzip'));
  const reader = unfolded.getReader();
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw source.error(`byte ${size} unfolded`, 'gzip data', `a damaged or cut stream (${reason})`);
    });
    if (done) return concatBytes(pieces);
    size += value.length;
    try {
      // Twice: the pieces, and the array that they are joined to.
      source.claim(2 * value.length, `byte ${size} unfolded`, 'more');
    } catch (error) {
      await reader.cancel();
      throw error;
    }
    pieces.push(value);
  }
}
