import { createRequire } from 'node:module';

/** What draws an SVG as a PNG, or why nothing does. */
export type PngRenderer = { readonly png: (svg: string) => Uint8Array } | { readonly missing: string };

const PACKAGES = ['@resvg/resvg-js', 'dejavu-fonts-ttf'];

/** Loads the renderer, an optional peer of this package, at twice the figures' size. */
export async function pngRenderer(): Promise<PngRenderer> {
  try {
    const require = createRequire(import.meta.url);
    const { Resvg } = (await import('@resvg/resvg-js')) as typeof import('@resvg/resvg-js');
    const fontFiles = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((f) =>
      require.resolve(`dejavu-fonts-ttf/ttf/${f}`),
    );
    const font = { loadSystemFonts: false, fontFiles, defaultFontFamily: 'DejaVu Sans' };
    return { png: (svg) => new Resvg(svg, { font, fitTo: { mode: 'zoom', value: 2 } }).render().asPng() };
  } catch {
    return { missing: `For the figures as PNG: npm install ${PACKAGES.join(' ')}, then write the report again.` };
  }
}
