/** A few figures' worth of SVG: text, scales and colours that read on light and dark pages. */

export const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** Maps a value in [from, to] onto [low, high] of the picture, by logarithms. */
export function logScale(from: number, to: number, low: number, high: number): (x: number) => number {
  const span = Math.log(to / from);
  return (x) => low + (Math.log(x / from) / span) * (high - low);
}

/** 1, 2 and 5 times powers of ten within [from, to]; every second or third of them where they would crowd. */
export function logTicks(from: number, to: number, most = 10): number[] {
  const decades = (steps: number[]) => {
    const ticks: number[] = [];
    for (let e = Math.floor(Math.log10(from)); e <= Math.ceil(Math.log10(to)); e++) {
      for (const step of steps) {
        const x = Number(`${step}e${e}`);
        if (x >= from * 0.999 && x <= to * 1.001) ticks.push(x);
      }
    }
    return ticks;
  };
  const fine = decades([1, 2, 5]);
  return fine.length <= most ? fine : decades([1]);
}

/** Colours of as many series as a chart can tell apart; the page's style sheet gives them for light and dark. */
export const SERIES = 8;
export const seriesClass = (i: number): string => `s${i % SERIES}`;

/** Marks that tell series apart without colour. */
export function mark(shape: number, x: number, y: number, attributes: string, title: string): string {
  const r = 4;
  const at = (dx: number, dy: number) => `${(x + dx).toFixed(1)},${(y + dy).toFixed(1)}`;
  const hint = `<title>${escapeXml(title)}</title>`;
  if (shape % 3 === 1)
    return `<rect x="${(x - r).toFixed(1)}" y="${(y - r).toFixed(1)}" width="${2 * r}" height="${2 * r}" ${attributes}>${hint}</rect>`;
  if (shape % 3 === 2)
    return `<polygon points="${at(0, -r - 1)} ${at(r + 1, r)} ${at(-r - 1, r)}" ${attributes}>${hint}</polygon>`;
  return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${r}" ${attributes}>${hint}</circle>`;
}

export const text = (x: number, y: number, content: string, attributes = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escapeXml(content)}</text>`;

export const line = (x1: number, y1: number, x2: number, y2: number, attributes: string): string =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${attributes}/>`;

/** Names of series in a row or several, each with its mark. Returns the picture and its height. */
export function legend(names: readonly string[], width: number, y: number): { svg: string; height: number } {
  const parts: string[] = [];
  let [x, row] = [8, 0];
  names.forEach((name, i) => {
    const wide = 26 + 6.6 * name.length;
    if (x + wide > width && x > 8) [x, row] = [8, row + 1];
    parts.push(mark(i, x + 6, y + 18 * row, `class="${seriesClass(i)}"`, name), text(x + 16, y + 18 * row + 4, name));
    x += wide;
  });
  return { svg: parts.join('\n'), height: names.length === 0 ? 0 : 18 * (row + 1) };
}
