/** What the formats need of a database's SQL. Expressions are text, never what a client wrote. */
export interface SqlDialect {
  /** A string constant. `text` has no NUL. */
  literal(text: string): string;
  /** The texts joined; none of them is NULL. */
  concat(parts: readonly string[]): string;
  /** A JSON string, with its quotes, of a text. */
  jsonString(text: string): string;
}

/** A name in double quotes, as every database reads it. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string constant of standard SQL. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
