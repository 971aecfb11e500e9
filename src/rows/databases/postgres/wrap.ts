import type { RowFormatRequest, RowLayout } from "../../row-format.ts";
import { nullableCell, rowText } from "../../row-text.ts";
import { isQuoted } from "../../formats/csv.ts";
import { type SqlDialect, quoteText } from "../../sql-dialect.ts";
import type { Statement } from "./run-query.ts";
import { type PgColumn, copiedAs, textOf } from "./types.ts";

/** PostgreSQL takes no function of more arguments. */
const MAX_ARGUMENTS = 100;

const dialect: SqlDialect = {
  literal: quoteText,
  concat(parts) {
    if (parts.length === 1) return parts[0]!;
    if (parts.length <= MAX_ARGUMENTS) return `concat(${parts.join(", ")})`;
    const groups: string[] = [];
    for (let at = 0; at < parts.length; at += MAX_ARGUMENTS)
      groups.push(dialect.concat(parts.slice(at, at + MAX_ARGUMENTS)));
    return dialect.concat(groups);
  },
  jsonString: (text) => `to_json(${text})::text`,
};

export interface Wanted {
  readonly columns: readonly PgColumn[];
  readonly format: RowFormatRequest;
  readonly layout: RowLayout;
  readonly maxRows: number;
}

/**
 * The statement that gives the rows of a query as they are to be sent.
 *
 * - CSV and TSV as PostgreSQL's COPY writes them are passed on as they come: nothing is cheaper.
 * - Any other text is built by the query, and copied in the binary format, which changes nothing in it.
 * - COPY takes no parameters: a query with some is read from a portal.
 *
 * @param sql - one statement that gives these columns: it was parsed by itself
 */
export function wrapQuery(sql: string, values: readonly (string | null)[], wanted: Wanted): Statement {
  const { columns, format, layout, maxRows } = wanted;
  const names = columns.map((_, index) => `c${index}`);
  // Equal names, and none, are no names here. The statement may end in a comment, and a semicolon before it.
  const from = `FROM (\n${withoutSemicolon(sql)}\n) AS q (${names.join(", ")})${maxRows === Infinity ? "" : ` LIMIT ${maxRows + 1}`}`;
  const isPlain = format.name === "tsv" || (format.name === "csv" && isPlainCsv(format));
  if (isPlain && values.length === 0) {
    const list = columns.map(
      (column, index) => `${copiedAs(column, names[index]!, format.options)} AS ${names[index]!}`,
    );
    const select = `SELECT ${list.join(", ")} ${from}`;
    return { sql: `COPY (${select}) TO STDOUT (${copyOptions(format, columns, names)})`, encoding: "lines", values };
  }
  const row = rowText(layout, columns, dialect, (column, index) =>
    nullableCell(layout, column.type, `(${textOf(column, names[index]!, format.options)})`, dialect),
  );
  const select = `SELECT (${row})::text ${from}`;
  if (values.length > 0) return { sql: select, encoding: "fields", values };
  return { sql: `COPY (${select}) TO STDOUT (FORMAT binary)`, encoding: "tuples", values };
}

/** What COPY writes in the same way as we do. Its lines end in LF, and ours in what the layout says. */
function isPlainCsv({ options }: RowFormatRequest): boolean {
  return options.profile === "plain";
}

function copyOptions(
  { name, options }: RowFormatRequest,
  columns: readonly PgColumn[],
  names: readonly string[],
): string {
  if (name === "tsv") return "FORMAT text";
  const quoted = names.filter((_, index) => isQuoted(columns[index]!.type));
  return [
    "FORMAT csv",
    ...(options.null === "" ? [] : [`NULL ${quoteText(options.null)}`]),
    ...(quoted.length === 0 ? [] : [`FORCE_QUOTE (${quoted.join(", ")})`]),
  ].join(", ");
}

/** A semicolon ends the statement; behind it there is nothing but blanks and comments, as it was parsed alone. */
function withoutSemicolon(sql: string): string {
  const tokens = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|;/gu;
  const last = [...sql.matchAll(tokens)].findLast(([token]) => token === ";");
  return last === undefined ? sql : sql.slice(0, last.index);
}
