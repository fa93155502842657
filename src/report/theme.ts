/**
 * The page's colours, as CSS variables with a light and a dark value. Figures name the variables too, so that they turn
 * with the page; files of their own get the light values.
 *
 * The data colours follow Okabe and Ito's palette, which stays apart for colour-blind readers; the dark ones are the same
 * hues, lighter.
 */
export const TOKENS: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  page: ['#fbfbfa', '#131518'],
  card: ['#ffffff', '#1b1e22'],
  ink: ['#1d2126', '#e7e9ec'],
  dim: ['#5c6570', '#9ea7b1'],
  rule: ['#dfe2e6', '#343a41'],
  grid: ['#eceef0', '#2a2f35'],
  accent: ['#b34700', '#ff9a5c'],
  good: ['#00694a', '#4fd1a5'],
  bad: ['#a8324a', '#ff8fa3'],
  black: ['#1d2126', '#e7e9ec'],
  grey: ['#7b8490', '#98a2ae'],
  vermillion: ['#d55e00', '#ff8640'],
  orange: ['#e09a00', '#f5bd3d'],
  blue: ['#0072b2', '#4ea8e8'],
  sky: ['#4fb0e3', '#a2dcff'],
  green: ['#009e73', '#2fcf9c'],
  pink: ['#cc79a7', '#f0a3cb'],
  olive: ['#8f8a00', '#d9d24a'],
  softblue: ['#dbe8f3', '#1d3040'],
  softred: ['#f8e2d6', '#47302a'],
  step0: ['#7fb7d9', '#2f6f99'],
  step1: ['#5a93c6', '#4589b5'],
  step2: ['#4a6fb3', '#5ca3d0'],
  step3: ['#4b4d9b', '#84bfe2'],
  step4: ['#452f78', '#b4d9ef'],
  step5: ['#2f1850', '#e3f1f9'],
};

/** A colour by its token, for style sheets and figures. */
export const colour = (token: string): string => `var(--${token})`;

const declarations = (side: 0 | 1) =>
  Object.entries(TOKENS)
    .map(([name, values]) => `--${name}:${values[side]}`)
    .join(';');

/** The variables for both modes: the reader's setting, unless the page's switch (`data-theme`) says otherwise. */
export const tokenStyle = (): string => `:root{color-scheme:light;${declarations(0)}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;${declarations(1)}}}
:root[data-theme=dark]{color-scheme:dark;${declarations(1)}}`;

/** Text with the light values in place of the variables. */
export const inLight = (text: string): string =>
  text.replace(/var\(--([a-z0-9]+)\)/g, (whole, name: string) => TOKENS[name]?.[0] ?? whole);

export const PAGE_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
/** Of figures as files: the one that comes with the renderer to PNG first. */
export const FILE_FONT = 'DejaVu Sans, Verdana, sans-serif';

/** Vega-Lite's configuration of every figure. */
export function figureConfig(font: string): Record<string, unknown> {
  const text = { labelFont: font, titleFont: font, labelColor: colour('dim'), titleColor: colour('dim') };
  return {
    font,
    background: 'transparent',
    aria: false,
    view: { stroke: null },
    axis: {
      ...text,
      domainColor: colour('rule'),
      tickColor: colour('rule'),
      gridColor: colour('grid'),
      labelFontSize: 11,
      titleFontSize: 11,
      titleFontWeight: 'normal',
      labelPadding: 4,
      tickSize: 4,
    },
    axisX: { grid: false },
    legend: { ...text, labelColor: colour('ink'), labelFontSize: 11, titleFontSize: 11, symbolStrokeWidth: 2 },
    header: text,
    title: { font, color: colour('ink'), fontSize: 12, fontWeight: 600, anchor: 'start', offset: 8 },
    mark: { tooltip: null },
  };
}
