import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from './canonical.js';
import type { RunRecord } from './record.js';

/**
 * All records of a study, out of its journals. Two records of one run are fine where they say the same; where they
 * differ the earlier one counts, and `conflicts` has both.
 */
export class Records {
  readonly byId = new Map<string, RunRecord>();
  /** Pairs of records of one run that differ: the one that counts, and the other. */
  readonly conflicts: { readonly kept: RunRecord; readonly other: RunRecord }[] = [];
  /** Lines that a kill or a full disk tore. */
  tornLines = 0;
  /** Bytes of whole lines read so far, by file. */
  private readonly read = new Map<string, number>();

  constructor(private readonly folder: string) {}

  /** Takes up the lines that were written since the last time. */
  async refresh(): Promise<void> {
    for (const name of (await readdir(this.folder)).filter((file) => file.endsWith('.jsonl')).sort()) {
      for (const line of await this.newLines(name)) this.takeLine(line);
    }
  }

  /** Whole lines only: the last one may still be in the making. */
  private async newLines(name: string): Promise<string[]> {
    const from = this.read.get(name) ?? 0;
    const file = await open(join(this.folder, name), 'r');
    try {
      const { size } = await file.stat();
      if (size <= from) return [];
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
      const end = buffer.subarray(0, bytesRead).lastIndexOf('\n') + 1;
      this.read.set(name, from + end);
      return end > 0 ? buffer.toString('utf8', 0, end - 1).split('\n') : [];
    } finally {
      await file.close();
    }
  }

  private takeLine(line: string): void {
    const record = parse(line);
    if (record) this.take(record);
    else if (line) this.tornLines++;
  }

  private take(record: RunRecord): void {
    const there = this.byId.get(record.id);
    if (!there) return void this.byId.set(record.id, record);
    const [kept, other] = isEarlier(record, there) ? [record, there] : [there, record];
    this.byId.set(record.id, kept);
    if (outcome(kept) !== outcome(other)) this.conflicts.push({ kept, other });
  }
}

function parse(line: string): RunRecord | null {
  try {
    const record = JSON.parse(line) as RunRecord;
    return typeof record.id === 'string' && record.result && record.about ? record : null;
  } catch {
    return null;
  }
}

/** The same, whatever the order in which journals are read. */
function isEarlier({ about: a }: RunRecord, { about: b }: RunRecord): boolean {
  return a.started === b.started ? a.worker < b.worker : a.started < b.started;
}

const outcome = ({ status, result }: RunRecord): string => canonicalJson({ status, result });
