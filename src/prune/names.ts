import { ArgumentError } from '../gpu/errors.js';
import type { ParameterSpec } from '../nn/parameters.js';

/** What a plan asks of parameters: `Parameters`, or the names and shapes of one model of a population. */
export interface NamedShapes {
  readonly specs: readonly ParameterSpec[];
}

/** Names of the weights that pruning usually touches: matrices and kernels, not biases or normalisation. */
export const prunable = (parameters: NamedShapes): string[] =>
  parameters.specs.filter((s) => s.shape.length >= 2).map((s) => s.name);

/**
 * Parameters picked by names or patterns, each once, in the order of the parameters. In a pattern `*` stands for any
 * run of characters and `?` for one; patterns pick among `prunable` weights only, a full name picks any parameter.
 *
 * @throws ArgumentError for no patterns, or one that picks nothing; the message lists the names there are
 */
export function pickNames(op: string, parameters: NamedShapes, patterns: readonly string[]): string[] {
  if (patterns.length === 0) throw new ArgumentError(op, 'at least one weight to prune', 'none');
  const picked = new Set(patterns.flatMap((pattern) => matches(op, parameters, pattern)));
  return parameters.specs.flatMap(({ name }) => (picked.has(name) ? [name] : []));
}

function matches(op: string, parameters: NamedShapes, pattern: string): string[] {
  if (parameters.specs.some(({ name }) => name === pattern)) return [pattern];
  const weights = prunable(parameters);
  const glob = globOf(pattern);
  const found = weights.filter((name) => glob.test(name));
  if (found.length > 0) return found;
  throw new ArgumentError(op, `a name or pattern that fits some of ${weights.join(', ')}`, `'${pattern}'`);
}

function globOf(pattern: string): RegExp {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}
