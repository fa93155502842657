/**
 * The Cubist Spiral (Zhang & Papyan, "Sparsest Models Elude Pruning", ICML 2024): two classes, each a polyline of 16 straight
 * segments that winds twice round the other. Deterministic and without noise; the points that train are the points
 * that measure.
 */
export interface Spiral {
  /** Standardised coordinates [points, 2], class 0 before class 1. */
  inputs: Float32Array;
  /** 0 or 1 [points]. */
  labels: Float32Array;
  /** How it was made, in float64. */
  geometry: {
    /** Vertices of each class, moved so that the least coordinates are 0. */
    vertices: readonly (readonly Point[])[];
    /** Points on every segment of each class. */
    counts: readonly (readonly number[])[];
    /** Lengths of the two polylines. */
    lengths: readonly number[];
    /** Of the coordinates of all points before standardisation; the deviation has divisor n - 1. */
    mean: Point;
    deviation: Point;
  };
}

export type Point = readonly [x: number, y: number];

const SEGMENTS = 16;
/** Points asked for; rounding down for every segment leaves some fewer. */
const POINTS = 50_000;
/** Distance of the classes' polylines from the spiral between them. */
const OFFSETS = [15, -15] as const;

/** Makes the data set: 49,982 points. */
export function cubistSpiral(): Spiral {
  const vertices = movedToOrigin(OFFSETS.map(polyline));
  const lengths = vertices.map((line) => segmentLengths(line).reduce((a, b) => a + b, 0));
  const counts = vertices.map((line, c) =>
    // In this order of operations: another could round to the other side of a whole number.
    segmentLengths(line).map((length) => Math.floor(((length / lengths[c]) * POINTS) / 2)),
  );
  const points = vertices.flatMap((line, c) => counts[c].flatMap((n, k) => along(line[k], line[k + 1], n)));
  const labels = Float32Array.from(counts.flatMap((n, c) => Array(n.reduce((a, b) => a + b, 0)).fill(c)));
  const [x, y] = [moments(points.map((p) => p[0])), moments(points.map((p) => p[1]))];
  const inputs = new Float32Array(2 * points.length);
  points.forEach((p, i) => {
    inputs[2 * i] = (p[0] - x.mean) / x.deviation;
    inputs[2 * i + 1] = (p[1] - y.mean) / y.deviation;
  });
  const mean = [x.mean, y.mean] as const;
  const deviation = [x.deviation, y.deviation] as const;
  return { inputs, labels, geometry: { vertices, counts, lengths, mean, deviation } };
}

function polyline(offset: number): Point[] {
  return Array.from({ length: SEGMENTS + 1 }, (_, i) => {
    const theta = Math.PI + (4 * Math.PI * i) / SEGMENTS + 0.4 * Math.PI;
    const radius = 10 * theta + Math.PI + offset;
    return [radius * Math.cos(theta), radius * Math.sin(theta)] as const;
  });
}

function movedToOrigin(lines: readonly Point[][]): Point[][] {
  const all = lines.flat();
  const left = Math.min(...all.map((p) => p[0]));
  const bottom = Math.min(...all.map((p) => p[1]));
  return lines.map((line) => line.map((p) => [p[0] - left, p[1] - bottom] as const));
}

const segmentLengths = (line: readonly Point[]): number[] =>
  line.slice(1).map((p, k) => Math.hypot(p[0] - line[k][0], p[1] - line[k][1]));

/** `count` points from `end` to `start`, both included. */
const along = (start: Point, end: Point, count: number): Point[] =>
  Array.from({ length: count }, (_, i) => {
    const t = count === 1 ? 0 : i / (count - 1);
    return [t * start[0] + (1 - t) * end[0], t * start[1] + (1 - t) * end[1]] as const;
  });

function moments(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((a, v) => a + (v - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}
