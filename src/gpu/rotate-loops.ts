/**
 * Loops of a WGSL text tested at their end instead of their beginning:
 *
 *     for (init; test; step) { body }   →   { init; if (test) { loop { body continuing { step; break if !(test); } } } }
 *     while (test) { body }             →   if (test) { loop { body continuing { break if !(test); } } }
 *
 * The same passes in the same order. It is for drivers that run shaders on a processor's vectors (Mesa's lavapipe):
 * there a `break` only switches lanes off, and the rest of the body still runs, for nobody, before the loop ends. A
 * loop of five passes so takes the time of six, and a nest of them that of more.
 *
 * Loops without a test stay as they are. Comments go.
 */
export function rotateLoops(code: string): string {
  const text = code.replace(/\/\*[^]*?\*\//g, ' ').replace(/\/\/[^\n]*/g, '');
  return rotate(text);
}

const LOOP = /\b(for|while)\b\s*/g;

function rotate(text: string): string {
  let out = '';
  let from = 0;
  for (LOOP.lastIndex = 0; ; ) {
    LOOP.lastIndex = from;
    const found = LOOP.exec(text);
    if (!found) return out + text.slice(from);
    const head = found.index + found[0].length;
    const test = bracketed(text, head);
    const brace = text.indexOf('{', test.end);
    const body = bracketed(text, brace);
    out += text.slice(from, found.index) + rotated(found[1], test.inner, rotate(body.inner));
    from = body.end;
  }
}

function rotated(keyword: string, head: string, body: string): string {
  const parts = keyword === 'for' ? splitHead(head) : ['', head, ''];
  const [init, test, step] = parts.map((part) => part.trim());
  if (test === '') return `${keyword} (${head}) {${body}}`;
  const loop = `if (${test}) { loop {${body} continuing { ${step === '' ? '' : `${step}; `}break if !(${test}); } } }`;
  return init === '' ? loop : `{ ${init}; ${loop} }`;
}

/** The three parts of a for's head; none of ours has a semicolon anywhere else. */
const splitHead = (head: string): string[] => head.split(';');

const CLOSING: Record<string, string> = { '(': ')', '{': '}' };

/** What lies between the bracket at `start` and its partner, and where that ends. */
function bracketed(text: string, start: number): { inner: string; end: number } {
  const open = text[start];
  const close = CLOSING[open];
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === open) depth++;
    else if (text[i] === close && --depth === 0) return { inner: text.slice(start + 1, i), end: i + 1 };
  }
  throw new Error(`unbalanced ${open} in a shader: ${text.slice(start, start + 80)}`);
}
