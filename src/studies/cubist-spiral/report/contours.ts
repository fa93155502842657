/** A function's values at the points of a grid, row after row. */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly values: Float64Array;
}

export type Corner = readonly [x: number, y: number];

/** Bits of a cell's corners: (0, 0), (1, 0), (1, 1), (0, 1). */
const CORNERS: readonly Corner[] = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
];
/**
 * Marching squares: by which corners are inside, from which side of a cell to which the boundary goes with the inside
 * on its left. Side i is from corner i to the next.
 */
const SEGMENTS: readonly (readonly (readonly [from: number, to: number])[])[] = Array.from(
  { length: 16 },
  (_, bits) => {
    const isIn = (corner: number) => ((bits >> (corner & 3)) & 1) === 1;
    const leaving = [0, 1, 2, 3].filter((side) => isIn(side) && !isIn(side + 1));
    const entering = [0, 1, 2, 3].filter((side) => !isIn(side) && isIn(side + 1));
    // From where the corners' round goes out to where it last came in: opposite corners inside stay apart.
    return leaving.map((side) => {
      const before = [...entering].reverse().find((e) => e < side) ?? entering[entering.length - 1];
      return [side, before] as const;
    });
  },
);

/**
 * Where a function is above 0, as closed polygons to be filled by the even-odd rule, in the grid's coordinates. Between
 * points of the grid it is taken to be linear; beyond the grid it is below 0.
 */
export function regionsAbove({ columns, rows, values }: Grid): Corner[][] {
  const at = (x: number, y: number) =>
    x < 0 || y < 0 || x >= columns || y >= rows ? Number.NEGATIVE_INFINITY : values[y * columns + x];
  const next = new Map<number, number>();
  const points = new Map<number, Corner>();
  for (let y = -1; y < rows; y++) {
    for (let x = -1; x < columns; x++) {
      const bits =
        Number(at(x, y) > 0) +
        2 * Number(at(x + 1, y) > 0) +
        4 * Number(at(x + 1, y + 1) > 0) +
        8 * Number(at(x, y + 1) > 0);
      for (const segment of SEGMENTS[bits]) {
        const [from, to] = segment.map((side) => {
          const [a, b] = [CORNERS[side], CORNERS[(side + 1) & 3]];
          const [p, q]: Corner[] = [
            [x + a[0], y + a[1]],
            [x + b[0], y + b[1]],
          ];
          const key = edgeKey(p, q, columns);
          if (!points.has(key)) points.set(key, at(...p) > 0 ? crossing(p, q, at) : crossing(q, p, at));
          return key;
        });
        next.set(from, to);
      }
    }
  }
  return loops(next).map((loop) => loop.map((key) => points.get(key)!));
}

/** One number for the edge between two neighbouring points, whichever comes first. */
const edgeKey = ([x, y]: Corner, [u, v]: Corner, columns: number): number =>
  2 * ((Math.min(y, v) + 1) * (columns + 2) + Math.min(x, u) + 1) + (y === v ? 0 : 1);

/** Where a function crosses 0 between a point inside and one outside. */
function crossing(inside: Corner, outside: Corner, at: (x: number, y: number) => number): Corner {
  const [a, b] = [at(...inside), at(...outside)];
  const t = a / (a - b);
  return [inside[0] + t * (outside[0] - inside[0]), inside[1] + t * (outside[1] - inside[1])];
}

function loops(next: Map<number, number>): number[][] {
  const found: number[][] = [];
  for (const start of next.keys()) {
    const loop: number[] = [];
    for (let key = start; next.has(key); ) {
      loop.push(key);
      const following = next.get(key)!;
      next.delete(key);
      key = following;
    }
    if (loop.length > 0) found.push(loop);
  }
  return found;
}

/** A closed polygon without corners that lie nearer than `tolerance` to the line between others (Douglas and Peucker). */
export function simplified(loop: readonly Corner[], tolerance: number): Corner[] {
  const far = loop.reduce((best, p, i) => (apart(p, loop[0]) > apart(loop[best], loop[0]) ? i : best), 0);
  const half = (line: readonly Corner[]) => thinned(line, tolerance).slice(0, -1);
  return [...half(loop.slice(0, far + 1)), ...half([...loop.slice(far), loop[0]])];
}

const apart = (p: Corner, q: Corner): number => Math.hypot(p[0] - q[0], p[1] - q[1]);

function thinned(line: readonly Corner[], tolerance: number): readonly Corner[] {
  const [first, last] = [line[0], line[line.length - 1]];
  let [worst, most] = [0, tolerance];
  for (let i = 1; i < line.length - 1; i++) {
    const off = fromLine(line[i], first, last);
    if (off > most) [worst, most] = [i, off];
  }
  if (worst === 0) return line.length > 1 ? [first, last] : line;
  return [...thinned(line.slice(0, worst + 1), tolerance).slice(0, -1), ...thinned(line.slice(worst), tolerance)];
}

function fromLine(p: Corner, a: Corner, b: Corner): number {
  const length = apart(a, b);
  if (length === 0) return apart(p, a);
  return Math.abs((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])) / length;
}
