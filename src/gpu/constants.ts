/**
 * WebGPU's usage bits by their values in the specification: a browser has them as globals and Node has not, and the
 * engine sets no globals.
 */
export const BufferUsage = {
  MAP_READ: 0x0001,
  COPY_SRC: 0x0004,
  COPY_DST: 0x0008,
  UNIFORM: 0x0040,
  STORAGE: 0x0080,
  INDIRECT: 0x0100,
  QUERY_RESOLVE: 0x0200,
} as const;
export const MapRead = 0x0001;
export const ComputeStage = 0x4;
