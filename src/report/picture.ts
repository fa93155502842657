import { type Content, type Html, html, raw } from './html.js';

/** A drawing that is no plot: an SVG of this program's making, in the page's colours (`var(--…)`). */
export interface Picture {
  /** Short, as in file names. */
  readonly name: string;
  /** What it shows, for those who do not see it. */
  readonly alt: string;
  readonly width: number;
  readonly height: number;
  /** What is inside the SVG. */
  readonly content: Html;
}

/** An SVG as an element of a page, as wide as there is room. */
const pictureSvg = ({ alt, width, height, content }: Picture): Html =>
  html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${alt}">${content}</svg>`;

/** Pictures of one thing in a box, with words above and below. */
export const card = (title: Content, pictures: readonly Picture[], below: Content): Html =>
  html`<figure class="panel card"><figcaption>${title}</figcaption><div class="pictures">${pictures.map(pictureSvg)}</div>${below}</figure>
`;

/** The same as a file, on white where it has no ground of its own. */
export const pictureFile = ({ content, ...picture }: Picture): string => {
  const ground = raw('<rect width="100%" height="100%" fill="var(--card)"/>');
  return pictureSvg({ ...picture, content: html`${ground}${content}` }).text;
};
