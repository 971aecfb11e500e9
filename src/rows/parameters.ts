import { SluiceTypeError } from "../errors.ts";
import { describe } from "../core/describe.ts";
import { QueryError } from "./query-error.ts";

/** A value that can be given to a statement. Integers beyond 2^53 are bigints, so that none is rounded. */
export type ParameterValue = null | string | number | bigint | boolean | Uint8Array;

/** Values for the `:name`s of a statement. */
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** What is not SQL in SQL (comments, strings, quoted names), and what stands for a value. `::` is PostgreSQL's cast. */
const TOKENS =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|::|(?<other>[?@$][\w:]*)|:(?<name>[\p{L}_][\p{L}\p{N}_]*)|[\p{L}_][\p{L}\p{N}_$]*/gu;

/**
 * The names of a statement's `:name` parameters, each once.
 *
 * @throws QueryError for parameters of another form (`?`, `@name`, `$1`)
 */
export function parameterNames(sql: string): Set<string> {
  const names = new Set<string>();
  for (const { groups } of sql.matchAll(TOKENS)) {
    if (groups?.["other"] !== undefined) {
      throw new QueryError(`Parameters are named, as in :id; the statement has ${groups["other"]}`);
    }
    if (groups?.["name"] !== undefined) names.add(groups["name"]);
  }
  return names;
}

/**
 * Holds a statement and its parameters against each other: each `:name` has a value, each value a `:name`.
 *
 * @throws QueryError for a missing or superfluous one; SluiceTypeError `ERR_INVALID_OPTION` for a value of a type
 *   that databases don't have
 */
export function checkParameters(sql: string, parameters: Parameters): void {
  checkValues(parameterNames(sql), parameters);
}

/** As {@link checkParameters}, for the names that are in a statement. */
export function checkValues(names: ReadonlySet<string>, parameters: Parameters): void {
  for (const name of names) {
    if (!Object.hasOwn(parameters, name)) throw new QueryError(`The statement's :${name} was given no value`);
  }
  for (const [name, value] of Object.entries(parameters)) {
    if (!names.has(name)) throw new QueryError(`A value was given for :${name}, which the statement doesn't have`);
    if (!isParameterValue(value)) {
      throw new SluiceTypeError(
        "ERR_INVALID_OPTION",
        `:${name} is null, a string, a number, a bigint, a boolean or a Uint8Array; got ${describe(value)}`,
      );
    }
  }
}

function isParameterValue(value: unknown): value is ParameterValue {
  return (
    value === null || value instanceof Uint8Array || ["string", "number", "bigint", "boolean"].includes(typeof value)
  );
}
