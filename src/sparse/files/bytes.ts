/** One array of several. */
export function concatBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

const PIECE = 2 ** 16;

/** The bytes of a text given in pieces, so that it may be longer than a string can be. */
export function encodeText(pieces: Iterable<string>): Uint8Array {
  const encoder = new TextEncoder();
  const encoded: Uint8Array[] = [];
  let text = '';
  for (const piece of pieces) {
    text += piece;
    if (text.length < PIECE) continue;
    encoded.push(encoder.encode(text));
    text = '';
  }
  return concatBytes([...encoded, encoder.encode(text)]);
}
