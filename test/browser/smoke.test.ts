import { readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { builtDist, entries, manifest } from '../package/built.js';
import { ROOT } from '../setup/child.js';
import { expectClose } from '../support/close.js';
import { findChromium, openPage } from './chromium.js';

interface Result {
  error?: string;
  unavailable?: string;
  facts: { name: string; deviceClass: string; subgroupSize: number; driver: unknown };
  product: number[];
  gradient: number[];
  losses: number[];
  refusal: string;
  memory: { live: number; tensors: number };
}

const chromium = findChromium();
let dist = '';
let server: Server;
const asked: string[] = [];
let receive: (result: Result) => void = () => {};

/** Serves the page, the built package as it is, and the one package that it imports. */
beforeAll(async () => {
  if (!chromium) return;
  dist = builtDist();
  const imports: Record<string, string> = { 'wgsl-preprocessor/': '/wgsl-preprocessor/' };
  for (const [subPath, file] of entries) imports[`${manifest.name}${subPath.slice(1)}`] = file.slice(1);
  const page = readFileSync(new URL('page.html', import.meta.url), 'utf8').replace(
    '"IMPORT_MAP"',
    JSON.stringify({ imports }),
  );
  const folders: Record<string, string> = { dist, 'wgsl-preprocessor': join(ROOT, 'node_modules/wgsl-preprocessor') };
  server = createServer((request, response) => {
    const path = normalize(decodeURI(request.url ?? '/'));
    asked.push(path);
    const [, top, ...rest] = path.split('/');
    if (path === '/') return void response.setHeader('content-type', 'text/html').end(page);
    if (path === '/result') {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      return void request.on('end', () => {
        response.end();
        receive(JSON.parse(body));
      });
    }
    try {
      const file = readFileSync(join(folders[top] ?? '/nonexistent', ...rest));
      response.setHeader('content-type', extname(path) === '.js' ? 'text/javascript' : 'application/json').end(file);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
}, 120_000);
afterAll(() => {
  server?.closeAllConnections();
  server?.close();
  if (dist && dist !== join(ROOT, 'dist')) rmSync(dist, { recursive: true, force: true });
});

const whole = (n: number, k: number) => Float64Array.from({ length: n }, (_, i) => ((i * k) % 7) - 3);

it('the built engine computes, differentiates and trains in headless Chromium', async (context) => {
  const skip = (why: string) => {
    console.log(`browser smoke test skipped: ${why}`);
    context.skip(why);
  };
  if (!chromium) return skip('no Chromium on this machine (set CHROME to one)');
  const result = new Promise<Result>((done) => {
    receive = done;
  });
  const page = openPage(chromium, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const got = await Promise.race([result, page.ended.then((why) => ({ error: `Chromium ${why}` }) as Result)]);
  await page.close();
  if (got.unavailable) return skip(got.unavailable);
  expect(got.error).toBeUndefined();

  const [m, n, k] = [33, 40, 17];
  const [a, b] = [whole(m * k, 3), whole(k * n, 5)];
  const product = new Float64Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) for (let x = 0; x < k; x++) product[i * n + j] += a[i * k + x] * b[x * n + j];
  expect(got.product).toEqual([...product]);
  const gradient = new Float64Array(m * k);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++)
      for (let x = 0; x < k; x++) gradient[i * k + x] += 2 * product[i * n + j] * b[x * n + j];
  expectClose(got.gradient, gradient, { rtol: 1e-6 });
  expect(got.losses[29]).toBeLessThan(0.5 * got.losses[0]);
  expect(got.refusal).toBe('LimitError');
  expect(got.memory).toMatchObject({ live: 0, tensors: 0 });
  expect(got.facts.driver).toBeNull();
  expect(['software', 'integrated', 'discrete']).toContain(got.facts.deviceClass);
  expect(asked.filter((path) => /dawn|webgpu|\/(cli|setup)\//.test(path))).toEqual([]);
}, 90_000);
