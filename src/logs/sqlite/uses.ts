import type { Use } from "./calls.ts";

/** When streams with a time to live were used last, as far as the file does not say so yet. */
export class Uses {
  readonly #byName = new Map<string, Use>();

  add(name: string, use: Use): void {
    const known = this.#byName.get(name);
    if (known?.generation !== use.generation || known.atMs < use.atMs) this.#byName.set(name, use);
  }

  of(names: readonly string[]): ReadonlyMap<string, Use> {
    const uses = new Map<string, Use>();
    for (const name of names) {
      const use = this.#byName.get(name);
      if (use) uses.set(name, use);
    }
    return uses;
  }

  all(): ReadonlyMap<string, Use> {
    return new Map(this.#byName);
  }

  /** The file says so now. */
  forget(uses: ReadonlyMap<string, Use>): void {
    for (const [name, use] of uses) if (this.#byName.get(name) === use) this.#byName.delete(name);
  }
}
