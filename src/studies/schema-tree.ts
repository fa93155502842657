import { z } from 'zod';
import type { Json, JsonObject } from '../store/record.js';

/** A schema as JSON Schema: plain data, whatever kinds of zod types it is made of. */
export function schemaTree(schema: z.ZodType): JsonObject {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonObject;
}

type Node = JsonObject | undefined;

/** What stands below a key, or an index of a list, in any alternative. */
export function below(node: Node, key: PropertyKey): Node {
  const found = alternatives(node)
    .map((branch) => (branch.items as Node) ?? (branch.properties as Node)?.[String(key)])
    .filter((branch) => branch !== undefined) as JsonObject[];
  return found.length > 1 ? { anyOf: found } : found[0];
}

/** The keys that a mapping may have there, in any alternative. */
export function knownKeys(node: Node): string[] {
  return [...new Set(alternatives(node).flatMap((branch) => Object.keys((branch.properties as JsonObject) ?? {})))];
}

/** Whether two mappings are of different alternatives there: what one says then means nothing in the other. */
export function differInKind(node: Node, a: JsonObject, b: JsonObject): boolean {
  const branches = alternatives(node).filter((branch) => branch.properties);
  return branches.length > 1 && !branches.some((branch) => mayBe(branch, a) && mayBe(branch, b));
}

/** Whether all constants and enumerations of an alternative have one of their values in a mapping that names them. */
function mayBe(branch: JsonObject, value: JsonObject): boolean {
  return Object.entries(branch.properties as JsonObject).every(([key, property]) => {
    const { const: constant, enum: options } = property as { const?: Json; enum?: readonly Json[] };
    if (!(key in value) || (constant === undefined && !options)) return true;
    return options ? options.includes(value[key]) : value[key] === constant;
  });
}

function alternatives(node: Node): JsonObject[] {
  const branches = (node?.anyOf ?? node?.oneOf) as readonly JsonObject[] | undefined;
  return branches ? branches.flatMap(alternatives) : node ? [node] : [];
}
