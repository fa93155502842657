import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SecateurError } from '../gpu/errors.js';
import type { RemoteFile } from './catalogue.js';

/** A file that could not be downloaded; what has come of it stays and is gone on with. */
export class DownloadError extends SecateurError {
  constructor(message: string, options?: ErrorOptions) {
    super('download', message, options);
  }
}

export interface DownloadOptions {
  /** Called with the bytes that are there so far. */
  progress?: (done: number) => void;
  signal?: AbortSignal;
  /** Milliseconds without a byte after which a mirror is given up; default 30,000. */
  idle?: number;
}

/** Why one mirror did not do. */
interface Failure {
  url: string;
  reason: string;
}

/** Name of an unfinished download. */
export const partOf = (target: string): string => `${target}.part`;

/**
 * Downloads a file to `target` unless it is there already: from the first mirror that has it, going on with what an
 * earlier attempt left, checked, and moved into place when it is whole.
 *
 * @param mirrors addresses of the folders that hold the file, each ending in `/`
 * @throws DownloadError when no mirror gave the file; the message names each with its reason
 */
export async function download(
  file: RemoteFile,
  mirrors: readonly string[],
  target: string,
  options: DownloadOptions = {},
): Promise<'there' | 'downloaded'> {
  const failures: Failure[] = [];
  try {
    if (existsSync(target) && (await md5Of(target)) === file.md5) return 'there';
    mkdirSync(dirname(target), { recursive: true });
    for (const mirror of mirrors) {
      const url = mirror + file.name;
      const reason = await attempt(url, file, partOf(target), options);
      if (reason === null) {
        renameSync(partOf(target), target);
        return 'downloaded';
      }
      failures.push({ url, reason });
    }
  } catch (error) {
    throw localError(error, target);
  }
  throw new DownloadError(unreachable(file, target, failures));
}

/**
 * Completes the unfinished file from one mirror.
 *
 * @returns null, or why that failed; what another mirror cannot mend is thrown
 */
async function attempt(url: string, file: RemoteFile, part: string, options: DownloadOptions): Promise<string | null> {
  const resumed = existsSync(part);
  try {
    await downloadFrom(url, file, part, options);
  } catch (error) {
    if (options.signal?.aborted) throw new DownloadError(`${file.name}: interrupted; the next fetch goes on from here`);
    if (isLocal(error)) throw error;
    return reasonOf(error);
  }
  const found = await md5Of(part);
  if (found === file.md5) return null;
  rmSync(part);
  // What an earlier attempt left may be what is wrong.
  return resumed ? attempt(url, file, part, options) : `refused, its checksum is ${found} instead of ${file.md5}`;
}

/** Fetches what is missing of the file, after what is there. */
async function downloadFrom(url: string, file: RemoteFile, part: string, options: DownloadOptions): Promise<void> {
  let have = existsSync(part) ? statSync(part).size : 0;
  if (have > file.bytes) {
    rmSync(part);
    have = 0;
  }
  if (have === file.bytes) return;
  const watch = new IdleWatch(options.idle ?? 30_000, options.signal);
  try {
    const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
    const response = await fetch(url, { headers, signal: watch.signal });
    const resumed = response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${have}-`);
    if (!response.body || !(response.status === 200 || resumed)) {
      await response.body?.cancel();
      throw new Error(`HTTP ${response.status} ${response.statusText}`.trim());
    }
    // Without support for ranges the whole file comes again.
    await write(response.body, part, resumed ? have : 0, file.bytes, watch, options);
  } finally {
    watch.stop();
  }
}

async function write(
  body: ReadableStream<Uint8Array>,
  part: string,
  from: number,
  bytes: number,
  watch: IdleWatch,
  { progress }: DownloadOptions,
): Promise<void> {
  const handle = await open(part, from > 0 ? 'a' : 'w');
  let done = from;
  try {
    for await (const piece of body) {
      watch.touch();
      done += piece.length;
      if (done > bytes) throw new Error(`more than the expected ${bytes} bytes`);
      await handle.write(piece);
      progress?.(done);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (done < bytes) throw new Error(`the connection ended after ${done} of ${bytes} bytes`);
}

/** Aborts when nothing has come for a while. */
class IdleWatch {
  private readonly controller = new AbortController();
  readonly signal: AbortSignal;
  private timer: NodeJS.Timeout | undefined;
  constructor(
    private readonly idle: number,
    outer?: AbortSignal,
  ) {
    this.signal = outer ? AbortSignal.any([this.controller.signal, outer]) : this.controller.signal;
    this.touch();
  }
  touch(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.controller.abort(new Error(`nothing came for ${this.idle} ms`)), this.idle);
  }
  stop(): void {
    clearTimeout(this.timer);
  }
}

/** MD5 of a file, in hexadecimal: it guards against damage, as the authors' published sums do. */
export async function md5Of(path: string): Promise<string> {
  const hash = createHash('md5');
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest('hex');
}

/** Failures of the disk, where another mirror is of no use. */
const LOCAL_CODES = ['ENOSPC', 'EACCES', 'EROFS', 'EDQUOT', 'EISDIR', 'ENOTDIR', 'EEXIST', 'EPERM', 'EMFILE'];

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException | undefined)?.code;
/** Errors of sockets have codes such as EACCES as well, but they come as the cause of fetch's own error. */
const isLocal = (error: unknown) => LOCAL_CODES.includes(codeOf(error) ?? '');

function localError(error: unknown, target: string): DownloadError {
  if (error instanceof DownloadError) return error;
  if (codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT')
    return new DownloadError(`no space left for ${target}; what has come stays, and the next fetch goes on with it`);
  return new DownloadError(`cannot write ${target}: ${reasonOf(error)}`, { cause: error });
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const inner = cause as NodeJS.ErrnoException | undefined;
  return inner ? `${message} (${inner.code ?? inner.message})` : message;
}

function unreachable(file: RemoteFile, target: string, failures: readonly Failure[]): string {
  const part = partOf(target);
  return [
    `${file.name} could not be downloaded:`,
    ...failures.map(({ url, reason }) => `  ${url}: ${reason}`),
    ...(existsSync(part)
      ? [`What has come (${statSync(part).size} of ${file.bytes} bytes) stays, and the next fetch goes on with it.`]
      : []),
    'Without a network: put the file, from any source, at',
    `  ${target} (${file.bytes} bytes, md5 ${file.md5})`,
    'and fetch again. Behind a proxy, Node 24 takes HTTPS_PROXY with NODE_USE_ENV_PROXY=1.',
  ].join('\n');
}
