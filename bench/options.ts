import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';

export const USAGE = `usage: secateur bench [suites...] [files and folders of .smtx and .mtx matrices...] [options]
       secateur bench --compare A.json B.json
  suites            spmm sddmm spconv block nm topk svd similarity dense, or all
                    (default: dense; with matrices, spmm)
  --suite <name>    the same as a suite's name alone; may be repeated
  --filter <text>   only cases whose name contains this
  --quick           few sizes, sparsities and samples, and no long cases
  --peers           the same work on other libraries, as far as they are installed
  --columns <n>     columns of the dense operand of products with given matrices (default: 256)
  --with <file>     a module that exports a family of cases or candidates; may be repeated
  --threads <n>     threads of a software driver
  --adapter <name>  only an adapter whose name contains this
  --out <file>      where to write the results (default: runs/bench/<suites>.json)
  --html <file>     where to write the page (default: beside the results)
  --list            print the cases and end
  --compare         print how the times of two result files relate`;

export interface Options {
  suites: string[];
  /** Files and folders of matrices. */
  matrices: string[];
  filter: string;
  quick: boolean;
  peers: boolean;
  list: boolean;
  columns: number;
  with: string[];
  threads: number | undefined;
  adapter: string | undefined;
  out: string;
  html: string;
}

/** What was asked for on the command line. */
export type Request = { help: true } | { compare: [a: string, b: string] } | { run: Options };

/**
 * @param known names of the suites
 * @throws RangeError, or parseArgs's own TypeError, for arguments that make no sense
 */
export function readOptions(args: string[], known: readonly string[]): Request {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const several = { type: 'string', multiple: true, default: [] as string[] } as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      suite: several,
      filter: { ...text, default: '' },
      quick: flag,
      peers: flag,
      list: flag,
      columns: { ...text, default: '256' },
      with: several,
      threads: text,
      adapter: text,
      out: text,
      html: text,
      compare: flag,
      help: flag,
    },
  });
  if (values.help) return { help: true };
  if (values.compare) {
    if (positionals.length !== 2)
      throw new RangeError(`--compare: expected two result files, got ${positionals.length}`);
    return { compare: [positionals[0], positionals[1]] };
  }
  const { suites, matrices } = sortedOut([...values.suite, ...positionals], values.suite.length, known);
  const { filter, quick, peers, list, adapter } = values;
  const out = values.out ?? `runs/bench/${suites.length === known.length ? 'all' : suites.join('-')}.json`;
  const html = values.html ?? out.replace(/(\.json)?$/, '.html');
  return {
    run: {
      suites,
      matrices,
      filter: filter.toLowerCase(),
      quick,
      peers,
      list,
      columns: whole('--columns', values.columns, 1),
      with: values.with,
      threads: values.threads === undefined ? undefined : whole('--threads', values.threads, 0),
      adapter,
      out,
      html,
    },
  };
}

/** Which names are suites and which are files; the first `named` came with --suite and must be suites. */
function sortedOut(names: readonly string[], named: number, known: readonly string[]) {
  const suites = new Set<string>();
  const matrices: string[] = [];
  names.forEach((name, i) => {
    if (known.includes(name)) suites.add(name);
    else if (name === 'all') for (const suite of known) suites.add(suite);
    else if (i >= named && statSync(name, { throwIfNoEntry: false })) matrices.push(name);
    else if (i < named) throw new RangeError(`--suite: expected one of ${known.join(', ')}, got ${name}`);
    else throw new RangeError(`expected a suite (${known.join(', ')}) or a file or folder of matrices, got ${name}`);
  });
  if (suites.size === 0) suites.add(matrices.length > 0 ? 'spmm' : 'dense');
  return { suites: [...suites], matrices };
}

function whole(name: string, text: string, least: number): number {
  const n = Number(text);
  if (text.trim() === '' || !Number.isInteger(n) || n < least)
    throw new RangeError(`${name}: expected a whole number >= ${least}, got ${text}`);
  return n;
}
