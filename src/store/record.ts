/** What JSON can say; configurations and results are nothing else, so that they can be hashed and written as lines. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Plain JSON with named entries. */
export type JsonObject = { readonly [key: string]: Json };

/**
 * One unit of work of a study. Its configuration says everything that its result depends on (the ids of the runs that
 * it builds on among them), and its id is the hash of that.
 */
export interface RunSpec<Config extends JsonObject = JsonObject> {
  readonly id: string;
  readonly config: Config;
  /** Ids of the runs whose results or files it takes. They come before it in a plan. */
  readonly needs: readonly string[];
}

/**
 * - `finished`: the result is there.
 * - `diverged`: a loss was not finite; the result says at which step. It is a result, and is not tried again.
 * - `blocked`: a run that it needs diverged, or was blocked itself.
 */
export type RunStatus = 'finished' | 'diverged' | 'blocked';

/** What a run left: one line of a study's record. */
export interface RunRecord<Config extends JsonObject = JsonObject, Result extends JsonObject = JsonObject> {
  readonly id: string;
  readonly config: Config;
  readonly status: RunStatus;
  /** The same bytes whenever the run is repeated on the same adapter; `{ by: id }` of a blocked run: what diverged. */
  readonly result: Result;
  /** Where and how fast it ran. Not part of the finished table, since it differs from one time to the next. */
  readonly about: RunAbout;
}

export interface RunAbout {
  /** ISO 8601. */
  readonly started: string;
  readonly seconds: number;
  readonly worker: string;
  readonly adapter: string;
  readonly driver: string;
}
