import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { SecateurError } from '../gpu/errors.js';
import type { Json, JsonObject } from '../store/record.js';
import { below, differInKind, knownKeys, schemaTree } from './schema-tree.js';
import type { Study } from './study.js';

/** A configuration that a study does not take; the message says where and what was expected. */
export class ConfigError extends SecateurError {
  constructor(message: string, options?: ErrorOptions) {
    super('config', message, options);
  }
}

export interface ConfigSources {
  /** Default: the first one. */
  preset?: string;
  /** YAML or JSON; what it says replaces what the preset says. */
  file?: string;
  /** `a.b[0].c=value`, the value in YAML; applied last, in order. */
  set?: readonly string[];
}

/**
 * The configuration that a preset, a file and single settings make together. Mappings are merged, save one that becomes
 * another kind of thing (another `source` or `kind`); anything else, lists too, is replaced as a whole.
 *
 * @throws ConfigError for an unknown preset, a file that cannot be read, and whatever the study's schema refuses
 */
export function studyConfig<C extends JsonObject>(study: Study<C>, sources: ConfigSources = {}): C {
  const preset = presetName(study, sources.preset);
  const tree = schemaTree(study.schema);
  let config: Json = study.presets[preset].config;
  if (sources.file !== undefined) config = merge(config, readConfigFile(sources.file), tree);
  for (const setting of sources.set ?? []) config = applySetting(config, setting);
  const parsed = study.schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const from = [`preset ${preset}`, sources.file, ...(sources.set ?? []).map((text) => `--set ${text}`)];
  throw new ConfigError(
    `the configuration (${from.filter((part) => part !== undefined).join(', ')}) does not fit study ${study.name}:\n` +
      parsed.error.issues.flatMap((issue) => describeIssue(tree, issue, config)).join('\n'),
  );
}

/** The preset of a name, or the first. */
export function presetName(study: Study, name?: string): string {
  const names = Object.keys(study.presets);
  if (name === undefined) return names[0];
  if (Object.hasOwn(study.presets, name)) return name;
  throw new ConfigError(`study ${study.name} has no preset ${name}; there are ${names.join(', ')}`);
}

/**
 * The JSON Schema of a study's configuration files, for editors. A file may leave out what its preset says, save within
 * lists.
 */
export function configSchema(study: Study): JsonObject {
  return { title: study.title, ...withoutRequired(schemaTree(study.schema)) };
}

function withoutRequired(schema: JsonObject): JsonObject {
  if (typeof schema.properties !== 'object') return schema;
  const { required: _, ...rest } = schema;
  const entries = Object.entries(schema.properties as JsonObject);
  const properties = entries.map(([key, value]) => [key, withoutRequired(value as JsonObject)]);
  return { ...rest, properties: Object.fromEntries(properties) };
}

function readConfigFile(path: string): Json {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`${path} cannot be read: ${(error as Error).message}`);
  }
  const value = parseYaml(text, path);
  if (!isMapping(value)) throw new ConfigError(`${path}: expected a mapping of keys to values, got ${show(value)}`);
  return value;
}

/** YAML, of which JSON is a part. */
function parseYaml(text: string, name: string): Json {
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0) throw new ConfigError(`${name}: ${document.errors[0].message.trimEnd()}`);
  return document.toJS();
}

function merge(under: Json | undefined, over: Json, tree: JsonObject | undefined): Json {
  if (!isMapping(under) || !isMapping(over) || differInKind(tree, under, over)) return over;
  const merged: Record<string, Json> = { ...under };
  for (const [key, value] of Object.entries(over)) set(merged, key, merge(under[key], value, below(tree, key)));
  return merged;
}

function applySetting(config: Json, setting: string): Json {
  const match = /^([^=]+)=(.*)$/s.exec(setting);
  const keys = match?.[1].match(/[^.[\]]+/g);
  if (!match || !keys) throw new ConfigError(`--set ${setting}: expected key=value, as in training.epochs=3`);
  const value = parseYaml(match[2], `--set ${setting}`);
  return replaceAt(config, keys, value, setting);
}

function replaceAt(under: Json | undefined, [key, ...rest]: string[], value: Json, setting: string): Json {
  if (key === undefined) return value;
  if (Array.isArray(under)) {
    const index = Number(key);
    if (!(Number.isInteger(index) && index >= 0 && index <= under.length))
      throw new ConfigError(`--set ${setting}: expected an index from 0 to ${under.length}, got ${key}`);
    const copy = [...under];
    copy[index] = replaceAt(under[index], rest, value, setting);
    return copy;
  }
  const copy: Record<string, Json> = isMapping(under) ? { ...under } : {};
  set(copy, key, replaceAt(isMapping(under) ? under[key] : undefined, rest, value, setting));
  return copy;
}

/** As a property of its own, whatever its name (`__proto__` too), so that the schema sees and refuses it. */
function set(target: Record<string, Json>, key: string, value: Json): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function describeIssue(tree: JsonObject, issue: z.core.$ZodIssue, config: Json): string[] {
  const at = (path: readonly PropertyKey[]) => `  ${showPath(path)}`;
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path.reduce(below, tree as JsonObject | undefined));
    const hint = known.length > 0 ? `; known are ${known.join(', ')}` : '';
    return issue.keys.map((key) => `${at([...issue.path, key])}: unknown key${hint}`);
  }
  const got = valueAt(config, issue.path);
  return [`${at(issue.path)}: ${issue.message.replace(/^Invalid input: /, '')}, got ${show(got)}`];
}

function valueAt(value: Json | undefined, path: readonly PropertyKey[]): Json | undefined {
  let at = value;
  for (const key of path) at = (at as JsonObject | undefined)?.[String(key)];
  return at;
}

function showPath(path: readonly PropertyKey[]): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return text.replace(/^\./, '') || 'the whole';
}

function show(value: Json | undefined): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

const isMapping = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
