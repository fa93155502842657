import { NoDeviceError } from './errors.js';

/** How kernels are chosen: a software rasteriser, a GPU that shares the CPU's memory, or one of its own. */
export type DeviceClass = 'software' | 'integrated' | 'discrete';

/** What is known about an adapter; goes into every result file. */
export interface AdapterFacts {
  name: string;
  vendor: string;
  architecture: string;
  description: string;
  deviceClass: DeviceClass;
  subgroupMinSize: number;
  subgroupMaxSize: number;
  features: string[];
  limits: Record<string, number>;
  languageFeatures: string[];
}

/** Limits that the engine asks for at their full value. */
const WANTED_LIMITS = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
  'minStorageBufferOffsetAlignment',
  'maxImmediateSize',
] as const;

const WANTED_FEATURES = ['shader-f16', 'subgroups', 'subgroup-size-control', 'timestamp-query'] as const;

export function adapterFacts(gpu: GPU, adapter: GPUAdapter): AdapterFacts {
  const info = adapter.info as GPUAdapterInfo & { isFallbackAdapter?: boolean };
  const source = adapter.limits as unknown as Record<string, number>;
  const limits: Record<string, number> = {};
  for (const key in source) if (typeof source[key] === 'number') limits[key] = source[key];
  for (const key of WANTED_LIMITS) if (typeof source[key] === 'number') limits[key] = source[key];
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  const software = info.isFallbackAdapter === true || /llvmpipe|lavapipe|swiftshader|software|warp/.test(text);
  const integrated = /intel|apple|qualcomm|adreno|\barm\b|mali|integrated|imgtec/.test(text) && !/\barc\b/.test(text);
  return {
    name: info.device || info.description || info.vendor,
    vendor: info.vendor,
    architecture: info.architecture,
    description: info.description,
    deviceClass: software ? 'software' : integrated ? 'integrated' : 'discrete',
    subgroupMinSize: info.subgroupMinSize ?? 0,
    subgroupMaxSize: info.subgroupMaxSize ?? 0,
    features: [...adapter.features].sort(),
    limits,
    languageFeatures: [...(gpu.wgslLanguageFeatures ?? [])].sort(),
  };
}

/** Asks for a device with every limit and feature of use that the adapter has. */
export async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const source = adapter.limits as unknown as Record<string, number | undefined>;
  const requiredLimits: Record<string, number> = {};
  for (const key of WANTED_LIMITS) {
    const value = source[key];
    if (value !== undefined) requiredLimits[key] = value;
  }
  const features = adapter.features as ReadonlySet<string>;
  const requiredFeatures = WANTED_FEATURES.filter((f) => features.has(f)) as GPUFeatureName[];
  try {
    return await adapter.requestDevice({ requiredFeatures, requiredLimits });
  } catch (cause) {
    throw new NoDeviceError(`the adapter refused to open a device: ${(cause as Error).message}`, { cause });
  }
}
