import type { RowDatabase, Table } from "../../rows/row-query.ts";

/** How long a list is good for saying that a table is not there, in ms. */
const MISSING_MS = 1_000;
/** How long the database may take to make one, in ms. */
const TIMEOUT_MS = 30_000;

/**
 * The tables of a database that may be exported. The list is read once for all who ask at a time, and kept: that a table is
 * not there is never said by a list older than a second.
 */
export class TableList {
  readonly #database: RowDatabase;
  readonly #allowed: boolean | ReadonlySet<string>;
  #tables: ReadonlyMap<string, Table> = new Map();
  #readAt = -Infinity;
  #reading: Promise<ReadonlyMap<string, Table>> | undefined;

  /** @param allowed - all, none, or these */
  constructor(database: RowDatabase, allowed: boolean | readonly string[]) {
    this.#database = database;
    this.#allowed = typeof allowed === "boolean" ? allowed : new Set(allowed);
  }

  /** Rejects as {@link RowDatabase.tables} does. */
  async find(name: string): Promise<Table | undefined> {
    if (!this.#isAllowed(name)) return undefined;
    const known = this.#tables.get(name);
    if (known || performance.now() - this.#readAt < MISSING_MS) return known;
    return (await this.read()).get(name);
  }

  /** All of them, as they are now, by name. Rejects as {@link RowDatabase.tables} does. */
  read(): Promise<ReadonlyMap<string, Table>> {
    this.#reading ??= this.#readNow().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #readNow(): Promise<ReadonlyMap<string, Table>> {
    if (this.#allowed === false) return this.#tables;
    const tables = await this.#database.tables(AbortSignal.timeout(TIMEOUT_MS));
    this.#tables = new Map(tables.filter(({ name }) => this.#isAllowed(name)).map((table) => [table.name, table]));
    this.#readAt = performance.now();
    return this.#tables;
  }

  #isAllowed(name: string): boolean {
    return typeof this.#allowed === "boolean" ? this.#allowed : this.#allowed.has(name);
  }
}
