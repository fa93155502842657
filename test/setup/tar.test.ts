import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SetupError } from '../../src/setup/run.js';
import { readTar, unpackTar } from '../../src/setup/tar.js';
import { scratch } from './child.js';

interface Entry {
  name: string;
  type?: string;
  body?: string;
  prefix?: string;
  mode?: number;
}

/** A ustar archive, written from the format's field table. */
function tar(entries: Entry[], end = true): Uint8Array {
  const blocks: Buffer[] = [];
  for (const { name, type = '0', body = '', prefix = '', mode = 0o644 } of entries) {
    const header = Buffer.alloc(512);
    const data = Buffer.from(body);
    header.write(name, 0, 100);
    header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
    header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write(' '.repeat(8), 148);
    header.write(type, 156);
    header.write('ustar\x0000', 257);
    header.write(prefix, 345, 155);
    const sum = header.reduce((a, b) => a + b, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    blocks.push(header, data, Buffer.alloc((512 - (data.length % 512)) % 512));
  }
  if (end) blocks.push(Buffer.alloc(1024));
  return Buffer.concat(blocks);
}

const names = (bytes: Uint8Array) => readTar(bytes).map((entry) => entry.path);

describe('readTar', () => {
  it('reads files and folders with their modes and contents', () => {
    const [folder, file] = readTar(
      tar([
        { name: 'a/', type: '5' },
        { name: './a/run', body: 'x'.repeat(600), mode: 0o755 },
      ]),
    );
    expect(folder).toMatchObject({ path: 'a', type: 'directory' });
    expect(file).toMatchObject({ path: 'a/run', type: 'file', mode: 0o755 });
    expect(Buffer.from(file.data).toString()).toBe('x'.repeat(600));
  });

  it('joins the ustar prefix, and reads pax and GNU long names', () => {
    const long = `${'d'.repeat(120)}/f`;
    const record = (length: number) => `${length} path=${long}\n`;
    const pax = record(record(0).length + 2);
    expect(pax.length).toBe(Number.parseInt(pax, 10));
    expect(names(tar([{ name: 'f', prefix: 'p/q' }]))).toEqual(['p/q/f']);
    expect(names(tar([{ name: 'x', type: 'x', body: pax }, { name: 'short' }, { name: 'next' }]))).toEqual([
      long,
      'next',
    ]);
    expect(names(tar([{ name: '././@LongLink', type: 'L', body: `${long}\0` }, { name: 'short' }]))).toEqual([long]);
  });

  it.each(['/etc/passwd', '../up', 'a/../../up', 'a\\..\\b'])('refuses the path %s', (name) => {
    expect(() => readTar(tar([{ name }]))).toThrow(/refused a path outside its folder/);
  });

  it('refuses an archive cut off anywhere but at its end', () => {
    const whole = tar([{ name: 'a', body: 'y'.repeat(700) }]);
    for (const length of [0, 100, 511, 512, 900, 1212, 1536, 1700]) {
      expect(() => readTar(whole.subarray(0, length)), `${length} bytes`).toThrow(SetupError);
    }
    expect(names(whole.subarray(0, 2048))).toEqual(['a']); // one of the two end blocks is enough
  });

  it('refuses a damaged header', () => {
    const bytes = tar([{ name: 'a', body: 'z' }]);
    bytes[3] ^= 1;
    expect(() => readTar(bytes)).toThrow(/damaged header at byte 0: expected checksum \d+, got \d+/);
  });
});

describe('unpackTar', () => {
  it('writes what is selected, under the name chosen, and nothing else', () => {
    const folder = scratch();
    const bytes = tar([
      { name: 'lib.so', body: 'elf', mode: 0o755 },
      { name: 'other', body: 'no' },
    ]);
    expect(unpackTar(bytes, folder, (path) => (path === 'lib.so' ? 'lib/lib.so' : null))).toEqual(['lib/lib.so']);
    expect(readFileSync(join(folder, 'lib/lib.so'), 'utf8')).toBe('elf');
    expect(statSync(join(folder, 'lib/lib.so')).mode & 0o700).toBe(0o700);
    expect(existsSync(join(folder, 'other'))).toBe(false);
  });

  it('refuses links, and targets outside the folder', () => {
    const link = tar([{ name: 'lib.so', type: '2' }]);
    expect(() => unpackTar(link, scratch(), (path) => path)).toThrow(
      /expected a file or folder, got a link or device: lib.so/,
    );
    expect(unpackTar(link, scratch(), () => null)).toEqual([]);
    expect(() => unpackTar(tar([{ name: 'a' }]), scratch(), () => '../a')).toThrow(/outside its folder/);
  });
});
