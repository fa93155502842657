import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { csv } from '../report/csv.js';
import { type Figure, fileSvg, type Panel } from '../report/figure.js';
import { type Html, html } from '../report/html.js';
import { type Picture, pictureFile } from '../report/picture.js';
import { type PngRenderer, pngRenderer } from '../report/png.js';
import { inLight } from '../report/theme.js';

/** The files beside a page, in its folder `figures/`: everything drawn as SVG, and as PNG where that can be made. */
export class ReportFiles {
  private constructor(
    private readonly folder: string,
    private readonly renderer: PngRenderer,
  ) {}

  /** @param folder the page's */
  static async open(folder: string): Promise<ReportFiles> {
    await mkdir(join(folder, 'figures'), { recursive: true });
    return new ReportFiles(join(folder, 'figures'), await pngRenderer());
  }

  /** Why there are no PNGs; null where there are. */
  get note(): string | null {
    return 'missing' in this.renderer ? this.renderer.missing : null;
  }

  /** Writes a figure: a file a network, or one for all, and its data. Gives links to them. */
  async figure(figure: Figure): Promise<Html> {
    const parts: Html[] = [];
    const nets = [...new Set(figure.panels.map((panel) => panel.facets.net))];
    for (const net of nets) {
      const panels: readonly Panel[] = figure.panels.filter((panel) => panel.facets.net === net);
      const name = net === undefined ? figure.name : `${figure.name}-${slug(net)}`;
      const title = net === undefined ? figure.title : `${figure.title}: ${net}`;
      const links = await this.drawing(name, await fileSvg(figure, panels, title));
      parts.push(html`${parts.length > 0 && ' · '}${net ?? 'all'}: ${links}`);
    }
    const rows = figure.panels.flatMap(({ title, facets, rows }) =>
      rows.map((row) => ({ panel: title, ...facets, ...row })),
    );
    await writeFile(join(this.folder, `${figure.name}.csv`), csv(rows));
    return html`Files: ${parts} · <a href="figures/${figure.name}.csv">the data as CSV</a>`;
  }

  /** Writes a picture, and gives links to its files. */
  picture = (picture: Picture): Promise<Html> => this.drawing(picture.name, inLight(pictureFile(picture)));

  private async drawing(name: string, svg: string): Promise<Html> {
    await writeFile(join(this.folder, `${name}.svg`), svg);
    if ('png' in this.renderer) await writeFile(join(this.folder, `${name}.png`), this.renderer.png(svg));
    const png = 'png' in this.renderer && html`, <a href="figures/${name}.png">PNG</a>`;
    return html`<a href="figures/${name}.svg">SVG</a>${png}`;
  }
}

const slug = (text: string): string => text.toLowerCase().replace(/[^a-z0-9._-]+/g, '-');
