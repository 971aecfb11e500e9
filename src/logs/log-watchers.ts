interface Watcher {
  readonly listener: () => void;
}

/** Those who are told that a stream may have changed, by its name. */
export class LogWatchers {
  readonly #watchers = new Map<string, Set<Watcher>>();

  /** @returns stops it */
  add(name: string, listener: () => void): () => void {
    const watchers = this.#watchers.get(name) ?? new Set();
    const watcher: Watcher = { listener };
    this.#watchers.set(name, watchers.add(watcher));
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(name) === watchers) this.#watchers.delete(name);
    };
  }

  tell(name: string): void {
    const watchers = this.#watchers.get(name);
    if (!watchers) return;
    // Who watches anew while he is told, is told the next time.
    for (const watcher of Array.from(watchers)) if (watchers.has(watcher)) watcher.listener();
  }
}
