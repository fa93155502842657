/** Float64 product of batches; a and b hold whole batches already. */
export function product(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  parts: number,
  m: number,
  n: number,
  k: number,
  ta = false,
  tb = false,
): Float64Array {
  const c = new Float64Array(parts * m * n);
  for (let p = 0; p < parts; p++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let s = 0;
        for (let x = 0; x < k; x++)
          s += a[p * m * k + (ta ? x * m + i : i * k + x)] * b[p * n * k + (tb ? j * k + x : x * n + j)];
        c[(p * m + i) * n + j] = s;
      }
    }
  }
  return c;
}

/** The values `times` times over: a matrix shared by a batch, spelled out. */
export const repeat = (x: ArrayLike<number>, times: number): Float64Array =>
  Float64Array.from({ length: x.length * times }, (_, i) => x[i % x.length]);
