import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync, strToU8 } from 'fflate';
import { type Content, html, raw } from './html.js';
import { PAGE_SCRIPT } from './script.js';
import { pageStyle } from './style.js';

export interface Page {
  readonly title: string;
  /** Above the title, small. */
  readonly kicker: string;
  readonly lead: Content;
  /** Places on the page: id and name. */
  readonly places: readonly (readonly [id: string, name: string])[];
  readonly body: Content;
  /** What the page's script draws figures from, by figure. */
  readonly figures: Readonly<Record<string, unknown>>;
  readonly footer: Content;
}

/** A whole page in one file: nothing is loaded from elsewhere, and the same input gives the same bytes. */
export async function writePage(page: Page): Promise<string> {
  const drawn = Object.keys(page.figures).length > 0;
  const vega = drawn ? html`<script>${raw(await vegaScript())}</script>\n` : null;
  const places = page.places.map(([id, name]) => html`<a href="#${id}">${name}</a>`);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${page.title} · ${page.kicker}</title>
<style>${raw(pageStyle())}</style>
</head>
<body>
<header class="top">
<button class="theme" type="button" aria-label="Switch between light and dark"></button>
<p class="kicker">${page.kicker}</p>
<h1>${page.title}</h1>
<div class="lead">${page.lead}</div>
<nav aria-label="On this page">${places}</nav>
</header>
<main>
${page.body}
<footer>${page.footer}</footer>
</main>
<script type="text/plain" id="figures">${packed(page.figures)}</script>
${vega}<script>${raw(PAGE_SCRIPT)}</script>
</body>
</html>
`.text;
}

/** JSON as gzip in base 64, a tenth of its size; the page's script unpacks it. The same bytes on every machine. */
const packed = (value: unknown): string =>
  Buffer.from(gzipSync(strToU8(JSON.stringify(value)), { mtime: 0, level: 9 })).toString('base64');

/**
 * Vega's own bundle for browsers. Figures are compiled from Vega-Lite when the page is written, so that Vega is all that a
 * page needs.
 */
async function vegaScript(): Promise<string> {
  const text = await readFile(join(dirname(createRequire(import.meta.url).resolve('vega')), 'vega.min.js'), 'utf8');
  return text.replaceAll('</script', '<\\/script').replace(/\n?\/\/# sourceMappingURL=.*\n?$/, '\n');
}
