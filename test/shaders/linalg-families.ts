import { choleskyShader } from '../../shaders/linalg/cholesky-block.js';
import { jacobiStartShader } from '../../shaders/linalg/jacobi-start.js';
import { jacobiSubgroupShader } from '../../shaders/linalg/jacobi-subgroup.js';
import { jacobiWorkgroupShader } from '../../shaders/linalg/jacobi-workgroup.js';
import { qrPanelShader } from '../../shaders/linalg/qr-panel.js';
import { qrSubgroupPanelShader } from '../../shaders/linalg/qr-panel-subgroup.js';
import { qrUpdateShader } from '../../shaders/linalg/qr-update.js';
import { qrSubgroupUpdateShader } from '../../shaders/linalg/qr-update-subgroup.js';
import { triangularSolveShader } from '../../shaders/linalg/triangular-block.js';
import { type Family, family } from './family.js';

/** Shaders in shaders/linalg. */
export const linalgFamilies: readonly Family[] = [
  family('linalg/jacobi-start', jacobiStartShader, {}),
  family('linalg/jacobi-subgroup', jacobiSubgroupShader, { lanes: 8 }, [{ lanes: 4 }, { lanes: 16 }]),
  family('linalg/jacobi-workgroup', jacobiWorkgroupShader, { block: 16 }, [{ block: 8 }]),
  family('linalg/qr-panel', qrPanelShader, { depth: 11 }),
  family('linalg/qr-panel-subgroup', qrSubgroupPanelShader, { lanes: 8, depth: 16 }, [{ lanes: 4 }, { lanes: 32 }]),
  family('linalg/qr-update', qrUpdateShader, { workgroup: 64 }),
  family('linalg/qr-update-subgroup', qrSubgroupUpdateShader, { lanes: 8 }, [{ lanes: 4 }, { lanes: 32 }]),
  family('linalg/cholesky-block', choleskyShader, { workgroup: 32 }, [{ workgroup: 8 }]),
  family('linalg/triangular-block', triangularSolveShader, { unitDiagonal: false, lanes: 4, workgroup: 64 }, [
    { unitDiagonal: true },
    { lanes: 1, workgroup: 8 },
  ]),
];
