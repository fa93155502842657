import type { Shape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { masked } from './gradients.js';
import { collapsedLayers } from './rounds.js';
import type { LayerDensity, PopulationDensity, PopulationMask } from './select-masks.js';
import { ofModel } from './select-masks.js';

interface Driver {
  /** Laid out like the parameters; the driver changes its values and owns it. */
  readonly mask: Tensor;
  readonly every: number;
  run(step: number): Promise<void>;
  dispose(): void;
}

/** Changes a mask between steps: `train(…, { mask: driver.mask, between: driver })`. */
export interface MaskDriver extends Driver {
  /** What the mask keeps of each planned layer; before the first change, all. */
  readonly layers: readonly LayerDensity[];
  /** Planned layers of which nothing is left. */
  readonly collapsed: string[];
}

/** The same for the masks of all models of a population: `trainPopulation(…, { mask: driver.mask, between: driver })`. */
export interface PopulationMaskDriver extends Driver {
  readonly layers: readonly PopulationDensity[];
  /** Of every model. */
  readonly collapsed: string[][];
}

/** What the present mask keeps of every model. */
export type Kept = Omit<PopulationMask, 'mask'>;

/** A driver as seen by its user: of one model where nothing leads the parameters. */
export function driverOf(lead: Shape, driver: Driver, kept: () => Kept): MaskDriver | PopulationMaskDriver {
  const { mask, every } = driver;
  const [run, dispose] = [(step: number) => driver.run(step), () => driver.dispose()];
  const each = (model: number) => collapsedLayers(ofModel(kept(), model));
  if (lead.length === 0)
    return {
      ...{ mask, every, run, dispose },
      get layers() {
        return ofModel(kept(), 0).layers;
      },
      get collapsed() {
        return each(0);
      },
    };
  return {
    ...{ mask, every, run, dispose },
    get layers() {
      return kept().layers;
    },
    get collapsed() {
      return kept().kept.map((_, model) => each(model));
    },
  };
}

/** Sets a tensor laid out like the mask to exactly 0 where the mask is. */
export function zeroOutside(flat: Tensor, mask: Tensor): void {
  const kept = masked(flat, mask);
  flat.device.stream.copy(kept.binding('zeroOutside'), flat.binding('zeroOutside'), flat.bytes);
  kept.dispose();
}
