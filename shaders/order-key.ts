/** How 32 stored bits become a u32 that sorts like the value. `index` kinds are limited to [0, P.size). */
export type KeyKind = 'f32' | 'i32' | 'u32' | 'index-i32' | 'index-u32';

const ASCENDING: Record<KeyKind, string> = {
  // -0 equals 0; negative numbers order backwards by their bits.
  f32: 'select(raw | 0x80000000u, ~raw, (raw >> 31u) == 1u && (raw << 1u) != 0u)',
  i32: 'raw ^ 0x80000000u',
  u32: 'raw',
  'index-i32': 'u32(clamp(bitcast<i32>(raw), 0, i32(P.size) - 1))',
  'index-u32': 'min(raw, P.size - 1u)',
};

/**
 * WGSL `fn order_key(raw: u32) -> u32`: keys compare as the values do (backwards where descending), NaN after all others.
 * Values arrive as bits, so that no compiler may assume NaN away or flush a denormal.
 */
export function orderKey(kind: KeyKind, descending: boolean): string {
  const key = descending ? `~(${ASCENDING[kind]})` : ASCENDING[kind];
  const value = kind === 'f32' ? `select(${key}, 0xffffffffu, (raw & 0x7fffffffu) > 0x7f800000u)` : key;
  return `fn order_key(raw: u32) -> u32 { return ${value}; }`;
}
