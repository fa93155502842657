import { ArgumentError } from '../gpu/errors.js';

/** Something that a scope can own. */
export interface Owned {
  dispose(): void;
  readonly isDisposed: boolean;
}

class Scope {
  readonly owned = new Set<Owned>();
  constructor(readonly parent: Scope | null) {}
}

let current: Scope | null = null;

/** Registers a new result with the innermost scope, if there is one. */
export function adopt(thing: Owned): void {
  current?.owned.add(thing);
}

/** Takes a thing out of every open scope: its owner is whoever calls, until `dispose`. */
export function keep<T extends Owned>(thing: T): T {
  for (let s = current; s; s = s.parent) s.owned.delete(thing);
  return thing;
}

/**
 * Runs `fn`; every tensor made inside is disposed when it ends, except those in what it returns (a tensor, or tensors
 * in arrays, plain objects, Maps and Sets), which move to the enclosing scope. Functions borrow their arguments, so nothing made
 * outside is touched. `fn` is synchronous: the device's waits belong outside of scopes.
 */
export function scope<T>(fn: () => T): T {
  const inner = new Scope(current);
  const outer = current;
  current = inner;
  let result: T;
  const moved = new Set<Owned>();
  try {
    result = fn();
    if (result instanceof Promise) {
      throw new ArgumentError('scope', 'a function that returns at once', 'a promise (read results after the scope)');
    }
    collect(result, moved);
  } catch (error) {
    current = outer;
    for (const thing of inner.owned) thing.dispose();
    throw error;
  }
  current = outer;
  for (const thing of inner.owned) {
    if (!moved.has(thing)) thing.dispose();
    else if (!thing.isDisposed) outer?.owned.add(thing);
  }
  return result;
}

function isOwned(value: object): value is Owned {
  return 'isDisposed' in value && typeof (value as Owned).dispose === 'function';
}

/** Every owned thing in a value made of arrays, plain objects, Maps and Sets. */
export function collect(value: unknown, into: Set<Owned>): void {
  if (typeof value !== 'object' || value === null) return;
  if (isOwned(value)) {
    into.add(value);
  } else if (Array.isArray(value) || value instanceof Set) {
    for (const v of value) collect(v, into);
  } else if (value instanceof Map) {
    for (const v of value.values()) collect(v, into);
  } else if (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null) {
    for (const v of Object.values(value)) collect(v, into);
  }
}
