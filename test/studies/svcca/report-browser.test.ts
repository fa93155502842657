import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeReport } from '../../../src/studies/svcca/report.js';
import { findChromium, openPage } from '../../browser/chromium.js';
import { NETWORKS, records } from './records.js';

interface Result {
  ended?: string;
  errors: string[];
  drawn: number;
  visible: number;
  stills: number;
  faded: boolean;
  gone: boolean;
  net: string[];
  theme: string[];
  overflow: number;
}

/** Runs before the page's own scripts: remembers all that is complained about. */
const WATCH = `<script>
const errors = [];
addEventListener('error', (e) => errors.push(e.message));
addEventListener('unhandledrejection', (e) => errors.push(String(e.reason)));
for (const level of ['error', 'warn']) console[level] = (...text) => errors.push(text.join(' '));
</script>`;

/** Runs after them, on a phone's width: scrolls, points at and clicks a legend, chooses another network, turns dark. */
const VISIT = `<script type="module">
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const until = async (ready) => { for (let i = 0; i < 400 && !ready(); i++) await wait(50); };
const all = (selector) => [...document.querySelectorAll(selector)];
const shown = () => all('.plot').filter((p) => p.offsetParent !== null);
const settle = async () => {
  for (const plot of shown()) { plot.scrollIntoView(); await until(() => 'drawn' in plot.dataset); }
};
await until(() => document.documentElement.classList.contains('live'));
await settle();
const visible = shown().length, drawn = all('.plot[data-drawn]').length, stills = shown().filter((p) => !p.querySelector('.live-plot svg')).length;
const plot = shown().find((p) => p.dataset.figure === 'f1-layerwise');
const chip = document.querySelector('.chip[data-figure=f1-layerwise][data-series=M1]');
const symbols = () => [...plot.querySelectorAll('.mark-symbol path')];
const before = symbols().length;
const pale = (path) => (path.getAttribute('opacity') ?? path.style.opacity) === '0.12';
chip.dispatchEvent(new PointerEvent('pointerenter'));
await until(() => symbols().some(pale));
const faded = symbols().some(pale);
chip.dispatchEvent(new PointerEvent('pointerleave'));
chip.click();
await until(() => symbols().length < before);
const gone = symbols().length < before;
const theme = [getComputedStyle(document.body).backgroundColor];
document.querySelector('.theme').click();
theme.push(getComputedStyle(document.body).backgroundColor);
document.querySelector('#t1 .choice button:last-child').click();
await settle();
const net = [...new Set(all('[data-facets]').filter((e) => !e.hidden).map((e) => JSON.parse(e.dataset.facets).net))].filter(Boolean);
const overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
parent.postMessage({ errors, drawn, visible, stills, faded, gone, net, theme, overflow }, '*');
</script>`;

const PHONE = `<iframe src="/report.html" width="390" height="800"></iframe><script>
addEventListener('message', (e) => fetch('/result', { method: 'POST', body: JSON.stringify(e.data) }));
</script>`;

const chromium = findChromium();

it('the page draws, answers and turns dark in headless Chromium on a phone’s width', async (context) => {
  if (!chromium) {
    console.log('report browser test skipped: no Chromium on this machine (set CHROME to one)');
    return context.skip('no Chromium on this machine (set CHROME to one)');
  }
  const folder = mkdtempSync(join(tmpdir(), 'secateur-report-'));
  const all = records({ networks: NETWORKS.slice(0, 2), sparsities: [0.9], children: 1, methods: ['P0', 'M1', 'M2'] });
  const path = await writeReport({
    config: {},
    plan: [...all.values()].map(({ id, config }) => ({ id, config, needs: [] })),
    records: all,
    folder,
    command: 'secateur study svcca',
    hash: '0',
    version: '0',
  });
  const page = readFileSync(path, 'utf8').replace('<head>', `<head>${WATCH}`).replace('</body>', `${VISIT}</body>`);
  const asked: string[] = [];
  let receive: (result: Result) => void = () => {};
  const result = new Promise<Result>((done) => {
    receive = done;
  });
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url !== '/result')
      return void response.setHeader('content-type', 'text/html').end(request.url === '/' ? PHONE : page);
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      response.end();
      receive(JSON.parse(body));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const opened = openPage(chromium, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const got = await Promise.race([result, opened.ended.then((ended) => ({ ended }) as Result)]);
  await opened.close();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });

  expect(got.ended).toBeUndefined();
  expect(got.errors).toEqual([]);
  expect(got.visible).toBeGreaterThan(8);
  expect(got).toMatchObject({
    drawn: got.visible,
    stills: 0,
    faded: true,
    gone: true,
    net: ['resnet8 x0.5'],
    overflow: 0,
  });
  expect(got.theme[0]).not.toBe(got.theme[1]);
  expect(new Set(asked.filter((url) => url !== '/favicon.ico'))).toEqual(new Set(['/', '/report.html', '/result']));
}, 90_000);
