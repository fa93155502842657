// WebGPU's flag values: Node has no global GPUBufferUsage.
const MAP_READ = 0x1;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const STORAGE = 0x80;
const MAP_MODE_READ = 0x1;

const N = 64;
const WGSL = `@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@compute @workgroup_size(${N}) fn main(@builtin(global_invocation_id) id: vec3u) { out[id.x] = id.x * 3u + 1u; }`;

/** Computes something on a device and checks it: null when it is right, else what was wrong. */
export async function runTestKernel(device: GPUDevice): Promise<string | null> {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code: WGSL });
  const pipeline = device.createComputePipeline({ layout: 'auto', compute: { module } });
  const size = N * 4;
  const out = device.createBuffer({ size, usage: STORAGE | COPY_SRC });
  const read = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  const entries = [{ binding: 0, resource: { buffer: out } }];
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(out, 0, read, 0, size);
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error) return error.message;
  await read.mapAsync(MAP_MODE_READ);
  const bad = [...new Uint32Array(read.getMappedRange())].findIndex((value, i) => value !== i * 3 + 1);
  return bad < 0 ? null : `a test kernel computed a wrong value at index ${bad}`;
}
