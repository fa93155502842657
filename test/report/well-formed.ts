/** Throws unless every element is closed in its order, attributes are quoted, and no stray `<` or bare `&` is in the text. */
export function assertWellFormed(xml: string): void {
  const open: string[] = [];
  const tags = /<(\/?)([a-zA-Z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g;
  let end = 0;
  for (const match of xml.matchAll(tags)) {
    const between = xml.slice(end, match.index);
    if (/[<>]|&(?!#?\w+;)/.test(between)) throw new Error(`stray mark-up: ${between.slice(0, 80)}`);
    end = match.index + match[0].length;
    if (match[1]) {
      const last = open.pop();
      if (last !== match[2]) throw new Error(`</${match[2]}> closes <${last}>`);
    } else if (!match[4]) open.push(match[2]);
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(' ')}`);
  if (end < xml.trimEnd().length) throw new Error(`text after the end: ${xml.slice(end, end + 80)}`);
}
