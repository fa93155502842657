import { ArgumentError } from '../../gpu/errors.js';
import { checksum } from '../mask-file.js';
import { concatBytes } from './bytes.js';
import type { Source } from './source.js';

/** A member of a zip archive. */
export interface ZipEntry {
  name: string;
  /** Bytes that it unfolds to. */
  size: number;
  crc: number;
  deflated: boolean;
  /** Its stored bytes, and their place in the archive. */
  stored: Uint8Array;
  at: number;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const LONGEST_COMMENT = 0xffff;
const ZIP64 = 0xffffffff;
const DEFLATE = 8;
const ENCRYPTED = 1;
/** Deflate stands for at most this many bytes by one. */
const MOST_PER_BYTE = 1032;

/**
 * The members of a zip archive (PKWARE's APPNOTE.TXT), by name. Nothing is unfolded yet.
 *
 * @throws FormatError naming the byte; among others for archives of 4 GiB and more (Zip64), of several disks, with
 * encrypted members, or with two of one name
 */
export function zipEntries(source: Source): Map<string, ZipEntry> {
  const { bytes } = source;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(source, view);
  const count = view.getUint16(end + 10, true);
  if (view.getUint32(end + 4, true) !== 0 || view.getUint16(end + 8, true) !== count)
    throw source.error(`byte ${end + 4}`, 'an archive on one disk', 'several');
  let at = view.getUint32(end + 16, true);
  const entries = new Map<string, ZipEntry>();
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > end || view.getUint32(at, true) !== CENTRAL)
      throw source.error(`byte ${at}`, `member ${i + 1} of ${count} in the directory`, 'something else');
    const lengths = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const name = new TextDecoder().decode(bytes.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + lengths[0]));
    if (entries.has(name)) throw source.error(`byte ${at}`, 'each member once', JSON.stringify(name));
    entries.set(name, zipEntry(source, view, name, at, end));
    at += CENTRAL_BYTES + lengths[0] + lengths[1] + lengths[2];
  }
  if (at !== end) throw source.error(`byte ${at}`, `the end of the directory at byte ${end}`, 'something else');
  return entries;
}

/** Place of the record that ends the archive: only a comment may follow it. */
function findEnd(source: Source, view: DataView): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - LONGEST_COMMENT); at--) {
    if (view.getUint32(at, true) === END && at + END_BYTES + view.getUint16(at + 20, true) === view.byteLength)
      return at;
  }
  throw source.error(`byte ${view.byteLength}`, 'the end of a zip archive', 'another file, or a cut one');
}

/** The member whose record in the directory begins at `at`; its bytes lie before the directory's end. */
function zipEntry(source: Source, view: DataView, name: string, at: number, end: number): ZipEntry {
  const fail = (field: number, expected: string, got: unknown) =>
    source.error(`byte ${at + field}`, `${expected} for ${JSON.stringify(name)}`, String(got));
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  const [crc, packed, size] = [16, 20, 24].map((field) => view.getUint32(at + field, true));
  const local = view.getUint32(at + 42, true);
  if (flags & ENCRYPTED) throw fail(8, 'no encryption', `flags ${flags}`);
  if (method !== 0 && method !== DEFLATE) throw fail(10, 'method 0 (stored) or 8 (deflated)', method);
  if (packed === ZIP64 || size === ZIP64 || local === ZIP64) throw fail(20, 'less than 4 GiB', 'Zip64');
  if (local + LOCAL_BYTES > end || view.getUint32(local, true) !== LOCAL) throw fail(42, 'its place', local);
  const start = local + LOCAL_BYTES + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  if (start + packed > end) throw fail(20, `at most ${Math.max(0, end - start)} bytes`, packed);
  const deflated = method === DEFLATE;
  const most = deflated ? MOST_PER_BYTE * packed : packed;
  if (size > most || (!deflated && size < packed)) throw fail(24, `a size that ${packed} bytes can have`, size);
  return { name, size, crc, deflated, stored: source.bytes.subarray(start, start + packed), at: start };
}

/** Unfolds a member. @throws FormatError where it is damaged, or larger than the source's budget */
export async function unzip(source: Source, entry: ZipEntry): Promise<Uint8Array> {
  const place = `byte ${entry.at}`;
  if (entry.deflated) source.claim(entry.size, place, `${entry.size} bytes of ${JSON.stringify(entry.name)}`);
  const bytes = entry.deflated ? await inflate(source, entry) : entry.stored;
  const found = checksum(bytes);
  if (found !== entry.crc)
    throw source.error(place, `${JSON.stringify(entry.name)} with checksum ${entry.crc}`, `${found}`);
  return bytes;
}

/** Fills an array of the declared size, and stops at the first byte too many. */
async function inflate(source: Source, { name, size, stored, at }: ZipEntry): Promise<Uint8Array> {
  const fail = (got: string) => source.error(`byte ${at}`, `${size} bytes of ${JSON.stringify(name)}`, got);
  const bytes = new Uint8Array(size);
  let filled = 0;
  const reader = through(stored, new DecompressionStream('deflate-raw')).getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw fail(`a damaged stream (${error instanceof Error ? error.message : error})`);
    });
    if (done) break;
    if (filled + value.length > size) {
      await reader.cancel();
      throw fail('more');
    }
    bytes.set(value, filled);
    filled += value.length;
  }
  if (filled < size) throw fail(`${filled}`);
  return bytes;
}

function through(bytes: Uint8Array, stream: CompressionStream | DecompressionStream): ReadableStream<Uint8Array> {
  return new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(stream);
}

type Member = Pick<ZipEntry, 'name' | 'size' | 'crc' | 'deflated' | 'stored'>;

/**
 * An archive of members with ASCII names, deflated or as they are. Without a date: the same members make the same bytes.
 *
 * @throws ArgumentError for 4 GiB and more
 */
export async function zip(members: ReadonlyMap<string, Uint8Array>, deflate: boolean): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [name, bytes] of members) {
    const stored = deflate ? await deflateAll(bytes) : bytes;
    const member = { name, size: bytes.length, crc: checksum(bytes), deflated: deflate, stored };
    const header = localHeader(member);
    pieces.push(header, stored);
    directory.push(centralHeader(member, at));
    at += header.length + stored.length;
  }
  if (at >= ZIP64) throw new ArgumentError('zip', 'less than 4 GiB', `${at} bytes`);
  return concatBytes([...pieces, ...directory, endRecord(directory, at)]);
}

async function deflateAll(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await new Response(through(bytes, new CompressionStream('deflate-raw'))).arrayBuffer());
}

/** Day 1 of month 1 of year 0, which is 1980. */
const NO_DATE = 0x21;

/** The fields that both headers of a member share, from its version on. */
function sharedFields(view: DataView, at: number, { name, size, crc, deflated, stored }: Member): void {
  view.setUint16(at, 20, true);
  view.setUint16(at + 4, deflated ? DEFLATE : 0, true);
  view.setUint16(at + 8, NO_DATE, true);
  view.setUint32(at + 10, crc, true);
  view.setUint32(at + 14, stored.length, true);
  view.setUint32(at + 18, size, true);
  view.setUint16(at + 22, name.length, true);
}

function record(length: number, signature: number, name = ''): [Uint8Array, DataView] {
  const bytes = new Uint8Array(length + name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  for (let i = 0; i < name.length; i++) bytes[length + i] = name.charCodeAt(i);
  return [bytes, view];
}

function localHeader(member: Member): Uint8Array {
  const [bytes, view] = record(LOCAL_BYTES, LOCAL, member.name);
  sharedFields(view, 4, member);
  return bytes;
}

function centralHeader(member: Member, at: number): Uint8Array {
  const [bytes, view] = record(CENTRAL_BYTES, CENTRAL, member.name);
  view.setUint16(4, 20, true);
  sharedFields(view, 6, member);
  view.setUint32(42, at, true);
  return bytes;
}

function endRecord(directory: readonly Uint8Array[], at: number): Uint8Array {
  const [bytes, view] = record(END_BYTES, END);
  view.setUint16(8, directory.length, true);
  view.setUint16(10, directory.length, true);
  const length = directory.reduce((sum, entry) => sum + entry.length, 0);
  view.setUint32(12, length, true);
  view.setUint32(16, at, true);
  return bytes;
}
