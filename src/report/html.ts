/** Text that is HTML already. Everything else is escaped when it is put into HTML. */
export class Html {
  constructor(readonly text: string) {}
}

export type Content = Html | string | number | null | undefined | false | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c]);

/** Marks text as HTML; for text that this program made. */
export const raw = (text: string): Html => new Html(text);

/** A piece of HTML; what is put in is escaped, lists are joined, null and false are nothing. */
export const html = (parts: TemplateStringsArray, ...values: readonly Content[]): Html =>
  new Html(parts.reduce((text, part, i) => text + flat(values[i - 1]) + part));

function flat(content: Content): string {
  if (content instanceof Html) return content.text;
  if (Array.isArray(content)) return content.map(flat).join('');
  return content === null || content === undefined || content === false ? '' : escapeHtml(String(content));
}

/** Of a table: text on the left, numbers on the right. */
export interface Column {
  readonly title: Content;
  readonly text?: boolean;
}

/** A table in a box of its own that scrolls sideways where the page is narrow. The first column stays in sight. */
export function table(columns: readonly Column[], rows: readonly (readonly Content[])[], caption?: Content): Html {
  const side = (i: number) => (columns[i]?.text ? raw(' class="text"') : null);
  const head = columns.map((c, i) => html`<th scope="col"${side(i)}>${c.title}</th>`);
  const body = rows.map((row) => {
    const cells = row.map((cell, i) =>
      i === 0 ? html`<th scope="row"${side(0)}>${cell}</th>` : html`<td${side(i)}>${cell}</td>`,
    );
    return html`<tr>${cells}</tr>\n`;
  });
  const title = caption ? html`<caption>${caption}</caption>` : null;
  return html`<div class="wide" tabindex="0"><table>${title}<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody></table></div>`;
}

export const details = (summary: Content, ...content: readonly Content[]): Html =>
  html`<details><summary>${summary}</summary>${content}</details>`;

export const list = (items: readonly Content[]): Html => html`<ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`;
