import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Candidate, type Case, type Family, mergeCases, type SuiteContext } from './case.js';

const HERE = new URL('.', import.meta.url);
/** Source or compiled, whichever this file is. */
const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

/** In the order in which they run and are listed. A folder that is not named here comes last. */
const ORDER = ['spmm', 'sddmm', 'spconv', 'block', 'nm', 'topk', 'svd', 'similarity', 'dense'];

/** Folders beside this file that hold cases. */
export function suites(): string[] {
  const folders = readdirSync(HERE, { withFileTypes: true }).filter((e) => e.isDirectory());
  const names = folders.map((e) => e.name).filter((name) => !['peers', 'results', 'node_modules'].includes(name));
  const rank = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return names.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

/** A module of a suite's folder, or one given with --with. */
interface FamilyModule {
  default?: unknown;
  /** The suite that a family given with --with belongs to; the first of the run if left out. */
  suite?: unknown;
}

/** A family from outside of the suites' folders. */
export interface ExtraFamily {
  suite: string;
  family: Family;
}

/** @throws RangeError for a file that cannot be loaded or exports no family */
export async function loadExtra(file: string, running: readonly string[]): Promise<ExtraFamily> {
  let found: FamilyModule;
  try {
    found = (await import(pathToFileURL(resolve(file)).href)) as FamilyModule;
  } catch (error) {
    throw new RangeError(`--with ${file}: ${(error as Error).message}`);
  }
  const suite = found.suite ?? running[0];
  if (typeof found.default !== 'function')
    throw new RangeError(`--with ${file}: expected a family as its default export, got ${typeof found.default}`);
  if (typeof suite !== 'string' || !running.includes(suite))
    throw new RangeError(`--with ${file}: expected one of the suites that run (${running.join(', ')}), got ${suite}`);
  return { suite, family: found.default as Family };
}

/** The cases of a suite: every module in its folder is a family, and families may add candidates to each other's cases. */
export async function loadCases(
  suite: string,
  context: SuiteContext,
  extra: readonly ExtraFamily[] = [],
): Promise<Case[]> {
  const folder = new URL(`${suite}/`, HERE);
  const files = readdirSync(folder).filter((f) => f.endsWith(EXTENSION) && !f.endsWith(`.d${EXTENSION}`));
  const cases: Case[] = [];
  for (const file of files.sort()) {
    const { default: family } = (await import(new URL(file, folder).href)) as FamilyModule;
    if (typeof family !== 'function')
      throw new Error(`bench/${suite}/${file}: expected a family as its default export, got ${typeof family}`);
    cases.push(...(family as Family)(context));
  }
  for (const e of extra) if (e.suite === suite) cases.push(...e.family(context));
  return mergeCases(cases).map((c) => ({ ...c, candidates: referenceFirst(c) }));
}

const referenceFirst = ({ candidates, reference }: Case): Candidate[] =>
  candidates.toSorted((a, b) => Number(b.name === reference) - Number(a.name === reference));
