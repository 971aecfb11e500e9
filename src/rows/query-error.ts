import { SluiceError } from "../errors.ts";

export interface QueryErrorOptions extends ErrorOptions {
  /** Where in the statement, in characters from 1; undefined where nobody knows. */
  position?: number | undefined;
  /** The database's own code: SQLSTATE in PostgreSQL, `SQLITE_…` in SQLite. */
  databaseCode?: string | undefined;
  /** 403 where it may not be run, 504 where it took too long. */
  status?: 400 | 403 | 504 | undefined;
}

/**
 * A query that cannot be run, or may not be (`ERR_QUERY`). The message has the database's words, which may tell of the
 * schema and of values: clients are told them only where they wrote the statement themselves.
 */
export class QueryError extends SluiceError {
  readonly status: 400 | 403 | 504;
  readonly position: number | undefined;
  readonly databaseCode: string | undefined;

  constructor(message: string, { position, databaseCode, status = 400, ...options }: QueryErrorOptions = {}) {
    super("ERR_QUERY", message, options);
    this.status = status;
    this.position = position;
    this.databaseCode = databaseCode;
  }
}
