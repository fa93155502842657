export { hostCholesky } from './cholesky.js';
export { type HostEigh, hostEigh } from './eigh.js';
export { assertMatrix, identity, multiply, scaleColumns, transpose } from './matrix.js';
export { type HostQr, hostQr } from './qr.js';
export { type HostTriangularOptions, hostLstsq, hostPinv, hostSolve, hostTriangularSolve } from './solve.js';
export { type HostSvd, hostSvd, hostSvdvals } from './svd.js';
