import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Tidier } from "./tidier.ts";

export type Outcome = { readonly value: unknown; readonly error?: undefined } | { readonly error: unknown };

/**
 * Runs tasks together in one transaction, so that they share the wait for the disk. What has been returned is on it. A task that
 * fails changes nothing, and fails alone: then nothing of the transaction holds, and each task gets one of its own.
 */
export class GroupCommit {
  readonly #db: DatabaseSync;
  readonly #tidier: Tidier;
  readonly #onStale: () => void;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #version: StatementSync;
  /** Another one when somebody else has written the file, as by `sqlite3` in a shell. */
  #lastVersion: unknown;

  /** @param onStale - what was read or written before does not hold: it was rolled back, or somebody else has written */
  constructor(db: DatabaseSync, tidier: Tidier, onStale: () => void) {
    this.#db = db;
    this.#tidier = tidier;
    this.#onStale = onStale;
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#version = db.prepare("SELECT data_version AS version FROM pragma_data_version");
  }

  run(tasks: readonly (() => unknown)[]): Outcome[] {
    const isTidying = this.#tidier.isNeeded;
    try {
      this.#begin.run();
    } catch (error) {
      // Somebody else writes the file: waiting for him once is enough.
      this.#tidier.isNeeded = false;
      return tasks.map(() => ({ error }));
    }
    try {
      this.#checkVersion();
      const outcomes = tasks.map((task) => ({ value: task() }));
      if (isTidying) this.#tidier.step();
      this.#commit.run();
      return outcomes;
    } catch (error) {
      this.#rollback();
      // What cannot be deleted now is tried again when there is more to delete.
      this.#tidier.isNeeded = false;
      if (tasks.length > 1) return tasks.flatMap((task) => this.run([task]));
      return isTidying ? this.run(tasks) : tasks.map(() => ({ error }));
    }
  }

  /** Deletes something that is left over, while there is nothing else to do. */
  tidy(): void {
    this.run([]);
  }

  #checkVersion(): void {
    const version = this.#version.get()?.["version"];
    if (version !== this.#lastVersion) this.#onStale();
    this.#lastVersion = version;
  }

  #rollback(): void {
    this.#onStale();
    // For some errors SQLite has done it already.
    if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
  }
}
