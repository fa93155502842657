export type CheckStatus = 'held' | 'not held' | 'not testable';

/** One case in which a claim was tested: a network, at a sparsity where that matters. */
export interface Case {
  readonly where: string;
  readonly values: Readonly<Record<string, number>>;
  readonly held: boolean;
}

/** Something that a study's method says to expect, held against the records. */
export interface Check {
  readonly name: string;
  readonly claim: string;
  /** What counts as held, with its tolerance in numbers. */
  readonly rule: string;
  /** Held where it held in all cases (or in the share of them that the rule says). */
  readonly status: CheckStatus;
  readonly evidence: readonly Case[];
}

/**
 * The outcome of a claim: not testable without a case, held if at least `least` of the cases did.
 */
export function check(about: Pick<Check, 'name' | 'claim' | 'rule'>, evidence: readonly Case[], least = 1): Check {
  const held = evidence.filter((e) => e.held).length;
  const status = evidence.length === 0 ? 'not testable' : held >= least * evidence.length ? 'held' : 'not held';
  return { ...about, status, evidence };
}

export const withStatus = (checks: readonly Check[], status: CheckStatus): readonly Check[] =>
  checks.filter((c) => c.status === status);
