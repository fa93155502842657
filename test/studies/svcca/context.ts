import type { Device } from '../../../src/index.js';
import { executeSvcca } from '../../../src/studies/svcca/execute.js';
import { MemoryStudy as AnyStudy } from '../memory-study.js';

/** Runs of this study in memory, one after the other. */
export class MemoryStudy extends AnyStudy {
  constructor(device: Device) {
    super(device, executeSvcca);
  }
}
