import { describe, expect, it } from 'vitest';
import { rotateLoops } from '../../src/gpu/rotate-loops.js';

const plain = (text: string) => text.replace(/\s+/g, ' ').trim();
const rotated = (text: string) => plain(rotateLoops(text));

describe('rotateLoops', () => {
  it('tests a for at its end, and first of all', () => {
    expect(rotated('for (var i = 0u; i < P.n; i++) { sum += x[i]; }')).toBe(
      '{ var i = 0u; if (i < P.n) { loop { sum += x[i]; continuing { i++; break if !(i < P.n); } } } }',
    );
  });

  it('does so for a while, and for a for without a first or a last part', () => {
    expect(rotated('while more(i) & (i < 9u) { i++; }')).toBe(
      'if (more(i) & (i < 9u)) { loop { i++; continuing { break if !(more(i) & (i < 9u)); } } }',
    );
    expect(rotated('while (more(i)) { i += 2u; }')).toBe(
      'if ((more(i))) { loop { i += 2u; continuing { break if !((more(i))); } } }',
    );
    expect(rotated('for (; i < 4u;) { i++; }')).toBe(
      'if (i < 4u) { loop { i++; continuing { break if !(i < 4u); } } }',
    );
  });

  it('goes into nests, and on behind them', () => {
    expect(rotated('a(); for (var i = 0; i < n; i++) { while (go) { b(); } c(); } while (on) { d(); } e();')).toBe(
      plain(`a(); { var i = 0; if (i < n) { loop {
        if ((go)) { loop { b(); continuing { break if !((go)); } } } c();
        continuing { i++; break if !(i < n); } } } }
        if ((on)) { loop { d(); continuing { break if !((on)); } } } e();`),
    );
  });

  it('leaves loops without a test, and words that only contain the keywords', () => {
    expect(rotated('for (var i = 0;; i++) { if (i > 3) { break; } }')).toBe(
      'for (var i = 0;; i++) { if (i > 3) { break; } }',
    );
    expect(rotated('loop { if (p >= last) { break; } }')).toBe('loop { if (p >= last) { break; } }');
    expect(rotated('let before = meanwhile(x);')).toBe('let before = meanwhile(x);');
  });

  it('does not take brackets and keywords in comments for code', () => {
    expect(rotated('while (a) { // for (each) {\n b(); /* } while */ }')).toBe(
      'if ((a)) { loop { b(); continuing { break if !((a)); } } }',
    );
  });

  it('leaves a text whose brackets do not match to the compiler', () => {
    const text = 'fn f() { while (a) { b(); // no end';
    expect(rotateLoops(text)).toBe(text);
  });
});
