import type { RowFormatRequest, RowLayout } from "../../row-format.ts";
import { rowText } from "../../row-text.ts";
import { isQuoted } from "../../formats/csv.ts";
import { type SqlDialect, quoteText } from "../../sql-dialect.ts";
import type { Statement } from "./run-query.ts";
import { type PgColumn, copiedAs, isNull, textOf } from "./types.ts";

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
 * The query's own expressions are evaluated once for each row, however often a value is named here: `OFFSET 0` keeps the planner
 * from putting them in each place, and costs nothing that can be measured.
 *
 * @param body - one statement that gives these columns, without semicolons: it was parsed by itself
 */
export function wrapQuery(body: string, values: readonly (string | null)[], wanted: Wanted): Statement {
  const { columns, format, layout, maxRows } = wanted;
  const names = columns.map((_, index) => `c${index}`);
  // Equal names, and none, are no names here. The statement may end in a comment. One row more than is wanted tells of more.
  const query = `SELECT * FROM (\n${body}\n) AS q (${names.join(", ")}) OFFSET 0`;
  const from = `FROM (${query}${maxRows === Infinity ? "" : ` LIMIT ${maxRows + 1}`}) AS r`;
  const isPlain = format.name === "tsv" || (format.name === "csv" && isPlainCsv(format));
  if (isPlain && values.length === 0) {
    const list = columns.map(
      (column, index) => `${copiedAs(column, names[index]!, format.options)} AS ${names[index]!}`,
    );
    const select = `SELECT ${list.join(", ")} ${from}`;
    const sql = `COPY (${select}) TO STDOUT (${copyOptions(format, columns, names)})`;
    // COPY writes an empty line for a single NULL, and nothing else: empty texts are quoted.
    const emptyRow = format.name === "csv" && columns.length === 1 ? layout.null : "";
    return { sql, encoding: "lines", emptyRow, values };
  }
  const row = rowText(layout, columns, dialect, (column, index) => {
    const text = `(${textOf(column, names[index]!, format.options)})`;
    const cell = layout.cell(column.type, text, dialect);
    return `CASE WHEN ${isNull(column, names[index]!)} THEN ${quoteText(layout.null)} ELSE ${cell} END`;
  });
  const select = `SELECT (${row})::text ${from}`;
  if (values.length > 0) return { sql: select, encoding: "fields", emptyRow: "", values };
  return { sql: `COPY (${select}) TO STDOUT (FORMAT binary)`, encoding: "tuples", emptyRow: "", values };
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
