import { SluiceError, SluiceTypeError } from "../errors.ts";
import { describe } from "../core/describe.ts";
import type { RowValue } from "./row-format.ts";

/** Values for the `:name`s of a statement. */
export type Parameters = Readonly<Record<string, RowValue>>;

/** What is not SQL in SQL (comments, strings, quoted names), and what stands for a value. `::` is PostgreSQL's cast. */
const TOKENS =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|::|(?<other>[?@$][\w:]*)|:(?<name>[\p{L}_][\p{L}\p{N}_]*)|[\p{L}_][\p{L}\p{N}_$]*/gu;

/**
 * The names of a statement's `:name` parameters, each once.
 *
 * @throws SluiceError `ERR_QUERY` for parameters of another form (`?`, `@name`, `$1`)
 */
export function parameterNames(sql: string): Set<string> {
  const names = new Set<string>();
  for (const { groups } of sql.matchAll(TOKENS)) {
    if (groups?.["other"] !== undefined) {
      throw new SluiceError("ERR_QUERY", `Parameters are named, as in :id; the statement has ${groups["other"]}`);
    }
    if (groups?.["name"] !== undefined) names.add(groups["name"]);
  }
  return names;
}

/**
 * Holds a statement and its parameters against each other: each `:name` has a value, each value a `:name`.
 *
 * @throws SluiceError `ERR_QUERY` for a missing or superfluous one; SluiceTypeError `ERR_INVALID_OPTION` for a value of a type
 *   that databases don't have
 */
export function checkParameters(sql: string, parameters: Parameters): void {
  const names = parameterNames(sql);
  for (const name of names) {
    if (!Object.hasOwn(parameters, name))
      throw new SluiceError("ERR_QUERY", `The statement's :${name} was given no value`);
  }
  for (const [name, value] of Object.entries(parameters)) {
    if (!names.has(name))
      throw new SluiceError("ERR_QUERY", `A value was given for :${name}, which the statement doesn't have`);
    if (!isRowValue(value)) {
      throw new SluiceTypeError(
        "ERR_INVALID_OPTION",
        `:${name} is null, a string, a number, a bigint, a boolean or a Uint8Array; got ${describe(value)}`,
      );
    }
  }
}

function isRowValue(value: unknown): value is RowValue {
  return (
    value === null || value instanceof Uint8Array || ["string", "number", "bigint", "boolean"].includes(typeof value)
  );
}
