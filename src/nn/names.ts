import { ArgumentError } from '../gpu/errors.js';

/** Text matches whole names: `*` stands for anything up to the next dot, `**` for anything. */
export type NamePattern = string | RegExp;

/**
 * The names that one of the patterns matches, in the order of the names.
 *
 * @throws ArgumentError for a pattern that matches none, naming what there is
 */
export function matchNames(op: string, names: readonly string[], patterns: readonly NamePattern[]): string[] {
  const tests = patterns.map((pattern) => {
    const matches = typeof pattern === 'string' ? globExpression(pattern) : pattern;
    if (!names.some((name) => name.search(matches) >= 0))
      throw new ArgumentError(op, `a pattern that matches one of ${names.join(', ')}`, `'${pattern}'`);
    return matches;
  });
  return names.filter((name) => tests.some((matches) => name.search(matches) >= 0));
}

function globExpression(pattern: string): RegExp {
  const parts = pattern.split(/(\*+)/).map((part) => {
    if (part === '*') return '[^.]*';
    return part.startsWith('*') ? '.*' : part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}
