/**
 * Loops of a WGSL text tested at their end instead of their beginning:
 *
 *     for (init; test; step) { body }   →   { init; if (test) { loop { body continuing { step; break if !(test); } } } }
 *     while test { body }               →   if (test) { loop { body continuing { break if !(test); } } }
 *
 * The same passes in the same order. It is for drivers that run shaders on a processor's vectors (Mesa's lavapipe):
 * there a `break` only switches lanes off, and the rest of the body still runs, for nobody, before the loop ends. A
 * loop of five passes so takes the time of six, and a nest of them that of more.
 *
 * Loops without a test stay as they are, as does a text whose brackets do not match: the compiler will say where.
 * Comments go.
 */
export function rotateLoops(code: string): string {
  return rotate(code.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/\/\/[^\n]*/g, '')) ?? code;
}

/** Null where a bracket has no partner. */
function rotate(text: string): string | null {
  let out = '';
  for (let from = 0; ; ) {
    const found = /\b(for|while)\b/.exec(text.slice(from));
    if (!found) return out + text.slice(from);
    const start = from + found.index;
    const isFor = found[1] === 'for';
    // Expressions have no braces, so that the first one opens the body.
    const brace = text.indexOf('{', start);
    const head = text.slice(start + found[1].length, brace).trim();
    const end = brace < 0 ? -1 : endOf(text, brace);
    const body = end < 0 ? null : rotate(text.slice(brace + 1, end));
    if (body === null) return null;
    const [init, test, step] = isFor ? head.slice(1, -1).split(';') : ['', head, ''];
    out += text.slice(from, start);
    out +=
      test.trim() === '' ? `${found[1]} ${head} {${body}}` : testedLast(init.trim(), test.trim(), step.trim(), body);
    from = end + 1;
  }
}

function testedLast(init: string, test: string, step: string, body: string): string {
  const end = `continuing { ${step && `${step}; `}break if !(${test}); }`;
  const loop = `if (${test}) { loop {${body} ${end} } }`;
  return init ? `{ ${init}; ${loop} }` : loop;
}

/** Where the brace that opens at `start` closes, or -1. */
function endOf(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === '{') depth++;
    else if (text[i] === '}' && --depth === 0) return i;
  }
  return -1;
}
