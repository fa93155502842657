import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CATALOGUE, type CatalogueEntry } from '../../src/data/catalogue.js';
import { DownloadError, partOf } from '../../src/data/download.js';
import { fetchDataset, fetchEntry } from '../../src/data/fetch.js';

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');
const CONTENT = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >>> 3));

let server: Server;
let mirror = '';
let root = '';
/** What the server does with a request; each test sets it. */
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let requests: { url: string; range: string | undefined }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push({ url: request.url ?? '', range: request.headers.range });
    answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests = [];
  answer = serve(CONTENT);
  root = mkdtempSync(join(tmpdir(), 'secateur-fetch-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Gives the bytes from where the request asks. */
const serve = (bytes: Uint8Array) => (request: IncomingMessage, response: ServerResponse) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.writeHead(
    from > 0 ? 206 : 200,
    from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {},
  );
  response.end(bytes.subarray(from));
};
/** Breaks the connection after some bytes. */
const cut = (bytes: Uint8Array, after: number) => (_: IncomingMessage, response: ServerResponse) => {
  response.writeHead(200, { 'content-length': bytes.length });
  response.write(bytes.subarray(0, after), () => setTimeout(() => response.destroy(), 20));
};

const plain = (mirrors: string[] = [mirror], bytes: Uint8Array = CONTENT): CatalogueEntry => ({
  title: 'A file',
  licence: 'none',
  folders: ['set/raw'],
  remote: [{ name: 'file.bin', md5: md5(bytes), bytes: bytes.length }],
  mirrors: mirrors as [string, ...string[]],
});
const target = () => join(root, 'set/raw/file.bin');
const failing = (entry: CatalogueEntry, options = {}): Promise<string> =>
  fetchEntry(entry, root, options).then(
    () => '',
    (error: Error) => {
      expect(error).toBeInstanceOf(DownloadError);
      return error.message;
    },
  );

describe('fetching a file', () => {
  it('puts it in place, tells how far it is, and asks for nothing the second time', async () => {
    const seen: number[] = [];
    const report = await fetchEntry(plain(), root, { progress: ({ done }) => seen.push(done) });
    expect(report).toEqual({ folder: join(root, 'set/raw'), downloaded: ['file.bin'] });
    expect(readFileSync(target()).equals(CONTENT)).toBe(true);
    expect(seen.at(-1)).toBe(CONTENT.length);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect((await fetchEntry(plain(), root)).downloaded).toEqual([]);
    expect(requests.length).toBe(1);
    expect(readdirSync(join(root, 'set/raw'))).toEqual(['file.bin']);
  });

  it('goes on where a broken connection ended', async () => {
    answer = cut(CONTENT, 100_000);
    const message = await failing(plain());
    const have = statSync(partOf(target())).size;
    expect(have).toBeGreaterThan(0);
    expect(message).toContain(`What has come (${have} of 300000 bytes) stays, and the next fetch goes on with it.`);
    expect(existsSync(target())).toBe(false);
    answer = serve(CONTENT);
    await fetchEntry(plain(), root);
    expect(requests.map((r) => r.range)).toEqual([undefined, `bytes=${have}-`]);
    expect(readFileSync(target()).equals(CONTENT)).toBe(true);
  });

  it('goes on at the next mirror within one fetch', async () => {
    const other = `${mirror}other/`;
    answer = (request, response) =>
      (request.url?.startsWith('/other/') ? serve(CONTENT) : cut(CONTENT, 50_000))(request, response);
    await fetchEntry(plain([mirror, other]), root);
    expect(requests[1]).toMatchObject({ url: '/other/file.bin', range: expect.stringMatching(/^bytes=\d+-$/) });
    expect(readFileSync(target()).equals(CONTENT)).toBe(true);
  });

  it('starts over where a server knows no ranges', async () => {
    mkdirSync(join(root, 'set/raw'), { recursive: true });
    writeFileSync(partOf(target()), CONTENT.subarray(0, 1000));
    answer = (_, response) => response.writeHead(200).end(CONTENT);
    await fetchEntry(plain(), root);
    expect(requests[0].range).toBe('bytes=1000-');
    expect(readFileSync(target()).equals(CONTENT)).toBe(true);
  });

  it.each([
    ['a wrong beginning', () => Buffer.alloc(1000, 7), 2],
    ['too many bytes', () => Buffer.alloc(300_001), 1],
    ['wrong bytes', () => Buffer.alloc(300_000), 1],
    ['all bytes, right', () => CONTENT, 0],
  ])('copes with %s from an earlier attempt', async (_, left, asked) => {
    mkdirSync(join(root, 'set/raw'), { recursive: true });
    writeFileSync(partOf(target()), left());
    await fetchEntry(plain(), root);
    expect(requests.length).toBe(asked);
    expect(readFileSync(target()).equals(CONTENT)).toBe(true);
  });

  it('replaces a damaged file', async () => {
    mkdirSync(join(root, 'set/raw'), { recursive: true });
    writeFileSync(target(), 'damaged');
    expect((await fetchEntry(plain(), root)).downloaded).toEqual(['file.bin']);
    expect(readFileSync(target()).equals(CONTENT)).toBe(true);
  });

  it('refuses other bytes than the checksum tells, and leaves none', async () => {
    answer = serve(Buffer.from(CONTENT).fill(1, 5, 6));
    expect(await failing(plain())).toMatch(
      new RegExp(`${mirror}file.bin: refused, its checksum is [0-9a-f]{32} instead of ${md5(CONTENT)}`),
    );
    expect(readdirSync(join(root, 'set/raw'))).toEqual([]);
    const other = `${mirror}other/`;
    answer = (request, response) =>
      serve(request.url?.startsWith('/other/') ? CONTENT : Buffer.alloc(300_000))(request, response);
    await fetchEntry(plain([mirror, other]), root);
    expect(readFileSync(target()).equals(CONTENT)).toBe(true);
  });

  it('says what each mirror answered, and how to do without a network', async () => {
    answer = (_, response) => response.writeHead(404, 'Not Found').end();
    const message = await failing(plain([mirror, 'http://127.0.0.1:1/']));
    expect(message).toContain('file.bin could not be downloaded:');
    expect(message).toContain(`  ${mirror}file.bin: HTTP 404 Not Found`);
    expect(message).toMatch(/ {2}http:\/\/127\.0\.0\.1:1\/file\.bin: fetch failed \(.+\)/);
    expect(message).toContain(`  ${target()} (300000 bytes, md5 ${md5(CONTENT)})`);
    expect(message).not.toContain('What has come');
  });

  it('takes mirrors of the caller first', async () => {
    await fetchEntry(plain(['http://127.0.0.1:1/']), root, { mirrors: [`${mirror}mine/`] });
    expect(requests.map((r) => r.url)).toEqual(['/mine/file.bin']);
  });

  it('gives up a mirror that falls silent, and one that sends too much', async () => {
    answer = (_, response) => {
      response.writeHead(200);
      response.write(CONTENT.subarray(0, 10));
    };
    expect(await failing(plain(), { idle: 200 })).toContain('nothing came for 200 ms');
    answer = serve(Buffer.concat([CONTENT, CONTENT]));
    expect(await failing(plain())).toContain('more than the expected 300000 bytes');
  });

  it('ends when interrupted, keeping what has come', async () => {
    const stop = new AbortController();
    answer = (_, response) => {
      response.writeHead(200);
      response.write(CONTENT.subarray(0, 1000));
    };
    const options = { signal: stop.signal, progress: () => stop.abort(new Error('interrupted')) };
    expect(await failing(plain([mirror, mirror]), options)).toBe(
      'file.bin: interrupted; the next fetch goes on from here',
    );
    expect(requests.length).toBe(1);
    expect(statSync(partOf(target())).size).toBe(1000);
  });

  it.runIf(existsSync('/dev/full'))('says that the disk is full', async () => {
    mkdirSync(join(root, 'set/raw'), { recursive: true });
    symlinkSync('/dev/full', partOf(target()));
    expect(await failing(plain([mirror, mirror]))).toContain(`no space left for ${target()}`);
    expect(requests.length).toBe(1);
  });

  it('says that the root is no folder', async () => {
    writeFileSync(join(root, 'set'), 'a file');
    expect(await failing(plain())).toContain(`cannot write ${target()}`);
  });
});

describe('fetching an archive', () => {
  /** A tar.gz of a folder `inner` with the given files. */
  function archive(files: Record<string, string>): Buffer {
    const stage = mkdtempSync(join(tmpdir(), 'secateur-tar-'));
    mkdirSync(join(stage, 'inner'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(stage, 'inner', name), text);
    const { stdout, status } = spawnSync('tar', ['-C', stage, '-cf', '-', 'inner']);
    rmSync(stage, { recursive: true });
    expect(status).toBe(0);
    return gzipSync(stdout);
  }
  const entryOf = (bytes: Buffer): CatalogueEntry => ({
    ...plain([mirror], bytes),
    folders: ['unpacked'],
    archive: { folder: 'inner', files: { 'a.bin': 5 } },
  });

  it('unpacks it in one step, removes it, and asks for nothing the second time', async () => {
    const bytes = archive({ 'a.bin': 'hello', 'readme.txt': 'more' });
    answer = serve(bytes);
    mkdirSync(join(root, 'unpacked'));
    writeFileSync(join(root, 'unpacked', 'a.bin'), 'hell'); // cut
    const report = await fetchEntry(entryOf(bytes), root);
    expect(report).toEqual({ folder: join(root, 'unpacked'), downloaded: ['file.bin'] });
    expect(readdirSync(root)).toEqual(['unpacked']);
    expect(readdirSync(report.folder).sort()).toEqual(['a.bin', 'readme.txt']);
    expect(readFileSync(join(report.folder, 'a.bin'), 'utf8')).toBe('hello');
    expect((await fetchEntry(entryOf(bytes), root)).downloaded).toEqual([]);
    expect(requests.length).toBe(1);
  });

  it('refuses one without the files, and leaves the folder as it was', async () => {
    const bytes = archive({ 'a.bin': 'hello!' });
    answer = serve(bytes);
    mkdirSync(join(root, 'unpacked'));
    writeFileSync(join(root, 'unpacked', 'mine'), 'kept');
    expect(await failing(entryOf(bytes))).toContain('does not hold a.bin of the right sizes');
    expect(readdirSync(root).sort()).toEqual(['file.bin', 'unpacked']);
    expect(readdirSync(join(root, 'unpacked'))).toEqual(['mine']);
  });
});

describe('fetching a ZIP archive', () => {
  const text = (words: string) => new TextEncoder().encode(words);
  const entryOf = (bytes: Uint8Array): CatalogueEntry => ({
    ...plain([mirror], bytes),
    remote: [{ name: 'file.zip', md5: md5(bytes), bytes: bytes.length }],
    folders: ['unpacked'],
    archive: { folder: 'inner', files: { 'a.txt': null, 'sub/b.bin': 300_000 } },
  });
  const good = () =>
    zipSync({
      'inner/a.txt': [text('hello'), { level: 0 }],
      inner: { sub: { 'b.bin': CONTENT, 'empty.txt': text('') } },
      'other.txt': text('outside of the folder'),
    });

  it('unpacks it in one step, tells how far it is, and goes on with a part', async () => {
    const bytes = good();
    mkdirSync(root, { recursive: true });
    writeFileSync(partOf(join(root, 'file.zip')), bytes.subarray(0, 1000));
    answer = serve(Buffer.from(bytes));
    const titles = new Set<string>();
    let last = 0;
    const progress = ({ file, done }: { file: string; done: number }) => {
      titles.add(file);
      last = done;
    };
    const { folder, downloaded } = await fetchEntry(entryOf(bytes), root, { progress });
    expect(requests[0].range).toBe('bytes=1000-');
    expect(downloaded).toEqual(['file.zip']);
    expect([...titles]).toEqual(['file.zip', 'unpacking file.zip']);
    expect(last).toBe(bytes.length);
    expect(readdirSync(root)).toEqual(['unpacked']);
    expect(readdirSync(join(folder, 'sub')).sort()).toEqual(['b.bin', 'empty.txt']);
    expect(readFileSync(join(folder, 'sub/b.bin')).equals(CONTENT)).toBe(true);
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('hello');
    expect((await fetchEntry(entryOf(bytes), root)).downloaded).toEqual([]);
  });

  it.each(['../out.txt', '/out.txt', 'inner/../../out.txt', 'inner\\..\\out.txt', 'C:/out.txt'])(
    'refuses the path %s',
    async (path) => {
      const bytes = zipSync({ 'inner/a.txt': text('hello'), [path]: text('out') });
      answer = serve(Buffer.from(bytes));
      expect(await failing(entryOf(bytes))).toContain(`refused a path outside its folder: ${JSON.stringify(path)}`);
      expect(readdirSync(root)).toEqual(['file.zip']);
    },
  );

  it('refuses a damaged one, one without the files, and ends when interrupted', async () => {
    const whole = good();
    for (const bytes of [whole.subarray(0, 2000), whole.with(60, whole[60] ^ 255).fill(255, 200, 400)]) {
      answer = serve(Buffer.from(bytes));
      expect(await failing(entryOf(bytes))).toContain('file.zip is no whole ZIP archive');
    }
    const other = zipSync({ 'inner/a.txt': text('hello') });
    answer = serve(Buffer.from(other));
    expect(await failing(entryOf(other))).toContain('does not hold a.txt, sub/b.bin of the right sizes');
    const stop = new AbortController();
    answer = serve(Buffer.from(whole));
    const progress = ({ done }: { done: number }) => {
      if (done === whole.length) stop.abort();
    };
    expect(await failing(entryOf(whole), { signal: stop.signal, progress })).toContain('interrupted');
    expect(readdirSync(root).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

describe('the catalogue', () => {
  it('has whole checksums and addresses of folders', () => {
    for (const entry of Object.values(CATALOGUE) as CatalogueEntry[]) {
      for (const url of entry.mirrors) expect(url).toMatch(/^https?:\/\/.+\/$/);
      for (const file of entry.remote) expect(file.md5).toMatch(/^[0-9a-f]{32}$/);
      expect(new Set(entry.remote.map((f) => f.md5)).size).toBe(entry.remote.length);
    }
  });
  it('is what fetchDataset knows', () => {
    expect(() => fetchDataset('imagenet', root)).toThrow(
      'fetchDataset: expected one of mnist, fashion-mnist, kmnist, cifar10, cifar100, tiny-imagenet, got imagenet',
    );
  });
});
