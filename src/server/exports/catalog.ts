import type { Column } from "../../rows/column.ts";
import type { RowDatabase, RowQuery, Table } from "../../rows/row-query.ts";
import { ConfigError } from "../config/config-error.ts";
import type { NamedQuery } from "../config/named-queries.ts";
import { TableList } from "./table-list.ts";

/** A named query, and what it gives. */
export interface DescribedQuery extends NamedQuery {
  readonly columns: readonly Column[];
}

/** What can be exported under a name. */
export type Exportable = { readonly query: DescribedQuery } | { readonly table: Table };

export interface CatalogOptions {
  readonly database: RowDatabase;
  readonly queries: readonly NamedQuery[];
  /** Which tables and views: all, none, or these. */
  readonly tables: boolean | readonly string[];
}

/** How long a query may take to be described, in ms. */
const DESCRIBE_TIMEOUT_MS = 30_000;

/** What can be exported: the named queries, and the tables whose names none of them has. */
export class Catalog {
  readonly #queries: ReadonlyMap<string, DescribedQuery>;
  readonly #tables: TableList;

  private constructor(queries: readonly DescribedQuery[], tables: TableList) {
    this.#queries = new Map(queries.map((query) => [query.name, query]));
    this.#tables = tables;
  }

  /**
   * Has the database describe the queries.
   *
   * @throws ConfigError for a query that it cannot run, or whose parameters are others than its `:name`s; as {@link RowDatabase.tables} does
   */
  static async open({ database, queries, tables }: CatalogOptions): Promise<Catalog> {
    const list = new TableList(database, tables);
    // Whether the database can be read is not the fault of a query.
    await list.read();
    const described: DescribedQuery[] = [];
    for (const query of queries) described.push({ ...query, columns: await describe(database, query) });
    return new Catalog(described, list);
  }

  /** Rejects as {@link RowDatabase.tables} does. */
  async find(name: string): Promise<Exportable | undefined> {
    const query = this.#queries.get(name);
    if (query) return { query };
    const table = await this.#tables.find(name);
    return table && { table };
  }

  /** Everything, as it is now: queries as they stand in the file, then tables by name. Rejects as {@link find}. */
  async list(): Promise<Exportable[]> {
    const tables = [...(await this.#tables.read()).values()].filter(({ name }) => !this.#queries.has(name));
    return [...[...this.#queries.values()].map((query) => ({ query })), ...tables.map((table) => ({ table }))];
  }
}

async function describe(database: RowDatabase, { name, sql, parameters }: NamedQuery): Promise<readonly Column[]> {
  let query: RowQuery;
  try {
    query = database.query(sql, Object.fromEntries([...parameters.keys()].map((parameter) => [parameter, null])));
  } catch (error) {
    throw new ConfigError(`The query ${name} does not fit its params: ${(error as Error).message}`, { cause: error });
  }
  try {
    return await query.describe(AbortSignal.timeout(DESCRIBE_TIMEOUT_MS));
  } catch (error) {
    const { message, position } = error as Error & { position?: number };
    const where = position === undefined ? "" : ` (character ${position})`;
    throw new ConfigError(`The query ${name} cannot be run: ${message}${where}`, { cause: error });
  }
}
