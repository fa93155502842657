import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import * as nodeFiles from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { canonicalJson, type Json, Records, type RunRecord, runId } from '../../src/store/index.js';
import { Journal } from '../../src/store/journal.js';
import { runStudy } from '../../src/studies/index.js';
import { scratch } from '../setup/child.js';
import { fakeStudy, SMALL } from '../studies/fake-study.js';

function record(id: string, value: Json, started = '2000'): RunRecord {
  const about = { started, seconds: 1, worker: 'main', adapter: 'none', driver: 'none' };
  return { id, config: {}, status: 'finished', result: { value }, about };
}

async function readAll(folder: string): Promise<Records> {
  const records = new Records(folder);
  await records.refresh();
  return records;
}

describe('canonicalJson', () => {
  it('is the same text for the same value, and JSON', () => {
    expect(canonicalJson({ b: [1, -0, 'é'], a: { d: null, c: true } })).toBe('{"a":{"c":true,"d":null},"b":[1,0,"é"]}');
    expect(canonicalJson({ 10: 1, 9: 2, Z: 3, a: 4 })).toBe('{"10":1,"9":2,"Z":3,"a":4}');
  });

  it('refuses what JSON cannot say, with its place', () => {
    const refused = (value: unknown, got: string) =>
      expect(() => canonicalJson(value as Json)).toThrow(new RegExp(`got ${got}$`));
    refused(Number.NaN, 'NaN');
    refused({ a: [{ b: Number.POSITIVE_INFINITY }] }, 'Infinity at a\\[0\\].b');
    refused({ a: undefined }, 'undefined at a');
    refused([new Map()], 'Map at \\[0\\]');
    refused([new Float32Array(1)], 'Float32Array at \\[0\\]');
    refused({ f: () => 1 }, 'function at f');
    refused({ n: 1n }, 'bigint at n');
  });
});

describe('runId', () => {
  it('is the hash of study, revision and configuration, whatever the order of keys', () => {
    const id = runId('fake', 1, { a: 1, b: { c: 2, d: 3 } });
    const text = '{"config":{"a":1,"b":{"c":2,"d":3}},"format":1,"revision":1,"study":"fake"}';
    expect(id).toBe(createHash('sha256').update(text).digest('hex').slice(0, 16));
    expect(runId('fake', 1, { b: { d: 3, c: 2 }, a: 1 })).toBe(id);
    for (const other of [runId('fakes', 1, { a: 1, b: { c: 2, d: 3 } }), runId('fake', 2, { a: 1, b: { c: 2, d: 3 } })])
      expect(other).not.toBe(id);
  });
});

describe('Journal', () => {
  it('never glues a line to one that was torn, wherever it was torn', async () => {
    const line = `${JSON.stringify(record('b', 'é'))}\n`;
    for (const cut of [1, 20, Buffer.byteLength(line) - 9, Buffer.byteLength(line) - 1]) {
      const folder = scratch();
      const path = join(folder, 'main.jsonl');
      writeFileSync(path, `${JSON.stringify(record('a', 1))}\n${line}`);
      const whole = readFileSync(path).length;
      truncateSync(path, whole - Buffer.byteLength(line) + cut);
      expect([...(await readAll(folder)).byId.keys()]).toEqual(['a']);
      for (const id of ['c', 'd']) {
        const journal = await Journal.open(path);
        await journal.append([record(id, 2)]);
        await journal.close();
      }
      const records = await readAll(folder);
      // Torn right before its end of line, the line is whole.
      const survives = cut === Buffer.byteLength(line) - 1;
      expect([...records.byId.keys()]).toEqual(survives ? ['a', 'b', 'c', 'd'] : ['a', 'c', 'd']);
      expect(records.tornLines).toBe(survives ? 0 : 1);
    }
  });

  it('is read on from where it was read to, whole lines only', async () => {
    const folder = scratch();
    const records = new Records(folder);
    const path = join(folder, 'main.jsonl');
    const line = `${JSON.stringify(record('a', 1))}\n`;
    appendFileSync(path, line.slice(0, 30));
    await records.refresh();
    expect([records.byId.size, records.tornLines]).toEqual([0, 0]);
    appendFileSync(path, line.slice(30));
    await records.refresh();
    expect(records.byId.size).toBe(1);
    writeFileSync(join(folder, 'b.jsonl'), `${JSON.stringify(record('a', 2, '1999'))}\n`);
    await records.refresh();
    expect(records.byId.get('a')!.result).toEqual({ value: 2 });
    expect(records.conflicts).toHaveLength(1);
    expect((await readAll(folder)).byId.get('a')!.result, 'whatever order they are read in').toEqual({ value: 2 });
  });
});

/** Files on a disk that is full after so many bytes; a write that meets the end is cut short, as real ones are. */
function smallDisk(bytes: number) {
  let left = bytes;
  const full = () => Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  const open: typeof nodeFiles.open = async (...args) => {
    const handle = await nodeFiles.open(...args);
    const write = handle.write.bind(handle) as (data: Uint8Array, at: number, length: number) => Promise<unknown>;
    const limited = (async (data: Uint8Array, at = 0) => {
      if (left <= 0) throw full();
      const length = Math.min(left, data.length - at);
      left -= length;
      return write(data, at, length);
    }) as typeof handle.write;
    handle.write = limited;
    handle.writeFile = (async (data: Uint8Array) => {
      for (let at = 0; at < data.length; ) at += (await limited(data, at)).bytesWritten;
    }) as typeof handle.writeFile;
    return handle;
  };
  return { open, rename: nodeFiles.rename, rm: nodeFiles.rm };
}

describe('a full disk', () => {
  const full = 'no space left on the disk';

  it('loses nothing, wherever it is met, and the study goes on to the same bytes', async () => {
    const study = fakeStudy();
    const config = { ...SMALL, seeds: [0, 1] };
    const whole = scratch();
    await runStudy({ study, config, path: whole });
    const path = scratch();
    let rounds = 0;
    for (let room = 700; ; room += 37) {
      const before = existsSync(join(path, 'runs')) ? (await readAll(join(path, 'runs'))).byId : new Map();
      const ended = await runStudy({ study, config, path, files: smallDisk(room) }).catch((error) => error);
      const after = existsSync(join(path, 'runs')) ? (await readAll(join(path, 'runs'))).byId : new Map();
      for (const [id, r] of before) expect(after.get(id)).toEqual(r);
      if (ended.status === 'complete') break;
      expect(ended).toMatchObject({ name: 'StorageError', code: 'storage', message: expect.stringContaining(full) });
      expect(++rounds).toBeLessThan(100);
    }
    expect(rounds).toBeGreaterThan(5);
    const read = (folder: string) => readFileSync(join(folder, 'results.jsonl'), 'utf8');
    expect(read(path)).toBe(read(whole));
  });

  it('loses nothing where it is a real one', async ({ skip }) => {
    const disk = join(scratch(), 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      skip('a small file system cannot be mounted here');
    }
    onTestFinished(() => void execFileSync('umount', [disk]));
    const study = fakeStudy();
    const path = join(disk, 'study');
    writeFileSync(join(disk, 'ballast'), new Uint8Array(225_000));
    const ended = await runStudy({ study, config: SMALL, path }).catch((error) => error);
    expect(ended).toMatchObject({ name: 'StorageError', message: expect.stringContaining(full) });
    const done = (await readAll(join(path, 'runs'))).byId.size;
    truncateSync(join(disk, 'ballast'), 0);
    const { status, records } = await runStudy({ study, config: SMALL, path });
    expect([status, records.size]).toEqual(['complete', 15]);
    expect(done).toBeLessThan(15);
    const whole = scratch();
    await runStudy({ study, config: SMALL, path: whole });
    const read = (folder: string) => readFileSync(join(folder, 'results.jsonl'), 'utf8');
    expect(read(path)).toBe(read(whole));
  });
});
