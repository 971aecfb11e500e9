import type { Column } from "../column.ts";
import type { ResolvedRowFormatOptions, RowFormat, RowLayout } from "../row-format.ts";

/** What PostgreSQL's text format escapes, and as what: the backslash first, before others bring new ones. */
const ESCAPES = [
  ["\\", "\\\\"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
  ["\v", "\\v"],
] as const;

/**
 * Tab-separated values, in UTF-8, with a header: a row a line, and what would break a line or a field escaped with a backslash, as
 * PostgreSQL's COPY, MySQL and ClickHouse read and write it. NULL is `\N`.
 */
export const tsv: RowFormat = {
  mediaType: "text/tab-separated-values; charset=utf-8",
  otherTypes: [],
  extensions: ["tsv"],
  layout(columns: readonly Column[], options: ResolvedRowFormatOptions): RowLayout {
    return {
      begin: options.header ? `${columns.map(({ name }) => escape(name)).join("\t")}\n` : "",
      between: "",
      rowEnd: "\n",
      end: "",
      before: (index) => (index === 0 ? "" : "\t"),
      after: "",
      null: "\\N",
      cell: (type, text, sql) => {
        if (type !== "text" && type !== "json" && type !== "interval") return text;
        return ESCAPES.reduce(
          (escaped, [character, name]) => `replace(${escaped}, ${sql.literal(character)}, ${sql.literal(name)})`,
          text,
        );
      },
    };
  },
};

function escape(text: string): string {
  return ESCAPES.reduce((escaped, [character, name]) => escaped.replaceAll(character, name), text);
}
