import { HttpError } from "../../errors.ts";

const DEFAULT_MAX_RUNS = 32;
/** When those are to come back who found no room, in seconds. */
const RETRY_AFTER_SECONDS = "5";

export interface RunLimitOptions {
  /**
   * Bodies that are made at a time; more are answered with 503.
   * @defaultValue 32
   */
  maxRuns?: number | undefined;
  /**
   * Bodies that are made at a time for one caller (of `rowsResponse`); more are answered with 503.
   * @defaultValue all of `maxRuns`
   */
  maxRunsPerCaller?: number | undefined;
}

/** Says how many bodies may be made at a time. */
export class RunLimits {
  readonly #maxRuns: number;
  readonly #maxPerScope: number;
  readonly #scopes = new Map<string, number>();
  #total = 0;

  constructor({ maxRuns = DEFAULT_MAX_RUNS, maxRunsPerCaller = maxRuns }: RunLimitOptions) {
    this.#maxRuns = maxRuns;
    this.#maxPerScope = maxRunsPerCaller;
  }

  /**
   * Counts one that is to be made.
   *
   * @returns called once when it is not made any more
   * @throws HttpError 503
   */
  enter(scope: string): () => void {
    const ofScope = this.#scopes.get(scope) ?? 0;
    if (this.#total >= this.#maxRuns) throw tooMany("Too many runs are being made");
    if (ofScope >= this.#maxPerScope) throw tooMany("Too many runs of yours are being made");
    this.#total++;
    this.#scopes.set(scope, ofScope + 1);
    return () => {
      this.#total--;
      const left = this.#scopes.get(scope)! - 1;
      if (left > 0) this.#scopes.set(scope, left);
      else this.#scopes.delete(scope);
    };
  }
}

function tooMany(message: string): HttpError {
  return new HttpError(503, message, { headers: { "Retry-After": RETRY_AFTER_SECONDS } });
}
