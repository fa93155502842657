import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Figure, fileSvg, stills } from '../../src/report/figure.js';
import { figureSection } from '../../src/report/figure-html.js';
import { details, html, raw, table } from '../../src/report/html.js';
import { writePage } from '../../src/report/page.js';
import { pngRenderer } from '../../src/report/png.js';
import { colour, inLight, TOKENS, tokenStyle } from '../../src/report/theme.js';
import { assertWellFormed } from './well-formed.js';

const EVIL = `<script>alert("1")</script> & 'x'`;
const SAFE = '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39;';

describe('HTML', () => {
  it('escapes what is put in, in text, attributes and lists, and nothing twice', () => {
    expect(html`<p title="${EVIL}">${[EVIL, html`<b>${EVIL}</b>`]}${null}${false}${0}</p>`.text).toBe(
      `<p title="${SAFE}">${SAFE}<b>${SAFE}</b>0</p>`,
    );
    expect(html`${raw('<i>')}`.text).toBe('<i>');
    const shown = html`${table([{ title: EVIL, text: true }], [[EVIL]], EVIL)}${details(EVIL, EVIL)}`.text;
    expect(shown).not.toContain('<script');
    assertWellFormed(`<div>${shown}</div>`);
  });
});

const FIGURE: Figure = {
  name: 'example',
  title: EVIL,
  caption: EVIL,
  unit: {
    params: [
      { name: 'hidden', value: [] },
      { name: 'lit', value: null },
    ],
    mark: 'point',
    encoding: {
      x: { field: 'x', type: 'quantitative' },
      y: { field: 'y', type: 'quantitative' },
      color: { field: 'series', type: 'nominal', scale: { domain: ['a'], range: [colour('blue')] }, legend: null },
    },
  },
  width: 200,
  height: 100,
  columns: 2,
  series: [{ name: 'a', label: EVIL, colour: colour('blue') }],
  choices: [
    { key: 'net', label: 'Network' },
    { key: 'measure', label: 'Measure' },
  ],
  panels: ['one', 'two'].map((measure) => ({
    title: EVIL,
    facets: { net: EVIL, measure },
    rows: [
      { x: 1, y: 2, series: 'a', label: EVIL },
      { x: 2, y: 3, series: 'a', label: EVIL },
      { x: 3, y: 3, series: 'a', label: EVIL },
    ],
  })),
  table: ({ rows }) => ({ head: ['x', 'label'], rows: rows.map((r) => [String(r.x), String(r.label)]) }),
};
const marks = (svg: string) =>
  svg
    .split(/mark-symbol role-mark/)[1]
    .split('</g>')[0]
    .match(/<path/g)?.length;

describe('figures', () => {
  it('are well-formed pictures with a mark a row, in the page’s colours, or the light ones in files', async () => {
    const [still, none] = await stills(FIGURE, (panel) => panel.facets.measure === 'one');
    assertWellFormed(still!);
    expect(marks(still!)).toBe(3);
    expect(still).toContain('var(--blue)');
    expect(none).toBeNull();
    const file = await fileSvg(FIGURE, FIGURE.panels, EVIL);
    assertWellFormed(file);
    expect(file).not.toContain('var(');
    expect(file).toContain(TOKENS.blue[0]);
    expect(file).toContain('&lt;script&gt;');
  });

  it('are the same bytes every time, with names of their own inside', async () => {
    const all = () => stills(FIGURE, () => true);
    expect(await all()).toEqual(await all());
    const ids = (await all()).map((svg) => new Set([...svg!.matchAll(/ id="([^"]+)"/g)].map((m) => m[1])));
    for (const id of ids[0]) expect(ids[1].has(id)).toBe(false);
  });

  it('refuses a specification that Vega-Lite complains about', async () => {
    const x = { field: 'x', type: 'quantitative' };
    const odd = { ...FIGURE, unit: { mark: 'bar', encoding: { x, shape: { field: 'series', type: 'nominal' } } } };
    await expect(stills(odd, () => true)).rejects.toThrow(/figure: /);
  });

  it('become PNGs where the renderer is installed', async () => {
    const renderer = await pngRenderer();
    if ('missing' in renderer) return void expect(renderer.missing).toContain('npm install @resvg/resvg-js');
    const png = renderer.png(await fileSvg(FIGURE, FIGURE.panels, 'two panels'));
    expect([...png.subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
  });
});

it('a page holds everything, loads nothing, and is the same bytes every time', async () => {
  const write = async () => {
    const { section, data } = await figureSection(FIGURE, null);
    return writePage({
      title: EVIL,
      kicker: 'test',
      lead: 'lead',
      places: [['example', 'Example']],
      body: section,
      figures: { example: data },
      footer: 'end',
    });
  };
  const page = await write();
  expect(await write()).toBe(page);
  const markup = page.replace(/<script[\s\S]*?<\/script>/g, '').replace(/<style>[\s\S]*?<\/style>/, '');
  expect(markup).not.toMatch(/<script|(?:src|srcset)=|@import|url\((?!#)/);
  expect([...markup.matchAll(/href="([^"]*)"/g)].map((m) => m[1])).toEqual(['data:,', '#example']);
  expect(markup).not.toContain('alert("1")');
  expect(markup.match(/<svg class="marks"|<svg [^>]*class="marks"/g)).toHaveLength(1);
  expect(page.match(/<\/script>/g)).toHaveLength(3);
  const packed = /id="figures">([^<]*)</.exec(page)![1];
  const { example } = JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString());
  expect(example.panels[1]).toMatchObject({ columns: ['x', 'y', 'series', 'label'], values: { 2: [3, 3, 'a', EVIL] } });
});

it('colours have a light and a dark value, and files get the light one', () => {
  for (const [name, values] of Object.entries(TOKENS)) {
    expect(
      values.every((v) => /^#[0-9a-f]{6}$/.test(v)),
      name,
    ).toBe(true);
    expect(tokenStyle()).toContain(`--${name}:${values[1]}`);
  }
  expect(inLight(`fill="${colour('ink')}" var(--unknown)`)).toBe(`fill="${TOKENS.ink[0]}" var(--unknown)`);
});
