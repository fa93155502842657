import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { fetchData, listData } from '../../src/cli/data.js';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'secateur-list-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

it('secateur data list tells what is there, begun and damaged', async () => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line));
  mkdirSync(join(root, 'MNIST/raw'), { recursive: true });
  writeFileSync(join(root, 'MNIST/raw/train-images-idx3-ubyte.gz.part'), 'begun');
  mkdirSync(join(root, 'digits'));
  writeFileSync(join(root, 'digits/digits.csv'), `${[...new Array<number>(64).fill(3), 8].join(',')}\n`.repeat(5));
  mkdirSync(join(root, 'cifar10'));
  writeFileSync(join(root, 'cifar10/test_batch.bin'), 'no records');
  writeFileSync(join(root, 'cifar10/data_batch_1.bin'), 'no records');
  mkdirSync(join(root, 'tiny-imagenet-200/train/n01/images'), { recursive: true });
  mkdirSync(join(root, 'tiny-imagenet-200/val'));
  writeFileSync(join(root, 'tiny-imagenet-200/wnids.txt'), 'n01\n');
  writeFileSync(join(root, 'tiny-imagenet-200/val/val_annotations.txt'), 'val_0.JPEG\tn01\n');
  expect(await listData({ root })).toBe(0);
  const rows = lines.join('\n').split('\n');
  const row = (name: string) => rows.find((line) => line.includes(` ${name} `));
  expect(row('mnist')).toMatch(/12 MB.*partly downloaded/);
  expect(row('fashion-mnist')).toMatch(/31 MB +│ - +│/);
  expect(row('uci-digits')).toContain('4 + 1 (a part)');
  expect(row('cifar10')).toContain('damaged: ');
  expect(row('kmnist')).toMatch(/21 MB/);
  expect(row('cifar100')).toMatch(/169 MB/);
  expect(row('tiny-imagenet')).toMatch(/248 MB +│ 0 \+ 1 \(a part\)/);
  expect(rows.at(-1)).toContain('folder:PATH');
});

it('secateur data fetch refuses an unknown name', async () => {
  await expect(fetchData('imagenet', { root })).rejects.toThrow(
    'expected one of mnist, fashion-mnist, kmnist, cifar10, cifar100, tiny-imagenet, got imagenet',
  );
});
