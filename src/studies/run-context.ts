import type { Device } from '../gpu/device.js';
import { ArgumentError } from '../gpu/errors.js';
import type { StudyFolder } from '../store/folder.js';
import type { RunSpec } from '../store/record.js';
import type { DeviceHolder } from './shared.js';
import type { RunContext } from './study.js';

export interface ContextParts {
  readonly folder: StudyFolder;
  readonly devices: DeviceHolder;
  /** Null in a study that computes on none. */
  readonly device: Device | null;
  readonly dataRoot: string | null;
  readonly signal: AbortSignal;
  progress(share: number, text: string): void;
  /** Called when a checkpoint is on the disk. */
  saved(): void;
}

/** What one run sees of its study. */
export function runContext(run: RunSpec, parts: ContextParts): RunContext {
  const { folder, devices, device } = parts;
  const checkpoint = folder.checkpoint(run.id);
  const known = (what: string, id: string) => {
    if (!run.needs.includes(id)) throw new ArgumentError(what, `a run that ${run.id} needs`, id);
  };
  return {
    get device() {
      if (!device) throw new ArgumentError('device', 'a study that uses one', 'usesDevice: false');
      return device;
    },
    dataRoot: parts.dataRoot,
    need: (id) => {
      known('need', id);
      return folder.records.byId.get(id)!;
    },
    files: (id = run.id) => {
      if (id !== run.id) known('files', id);
      return folder.files(id);
    },
    checkpoint: {
      load: checkpoint.load,
      save: async (bytes) => {
        await checkpoint.save(bytes);
        parts.saved();
      },
    },
    signal: parts.signal,
    progress: (share, text = '') => parts.progress(share, text),
    shared: (key, make) => devices.shared(key, make),
  };
}
