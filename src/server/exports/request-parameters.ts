import { HttpError } from "../../errors.ts";
import type { ParameterValue, Parameters } from "../../rows/parameters.ts";
import { RESERVED_QUERY_NAMES } from "../../rows/request-options.ts";
import type { QueryParameter } from "../config/named-queries.ts";
import { PARAMETER_TYPES } from "../config/parameter-types.ts";

const MAX_SHOWN = 50;

/**
 * A named query's parameters out of a query string.
 *
 * @throws HttpError 400 for one that is missing, unknown, given twice, or no value of its type
 */
export function typedParameters(query: URLSearchParams, wanted: ReadonlyMap<string, QueryParameter>): Parameters {
  const given = textParameters(query);
  for (const name of given.keys()) {
    if (!wanted.has(name)) throw new HttpError(400, `There is no parameter ${show(name)}; ${listOf(wanted)}`);
  }
  return Object.fromEntries(
    [...wanted].map(([name, parameter]) => [name, toValue(name, parameter, given.get(name))] as const),
  );
}

/**
 * What a query string has beside what says how rows are written.
 *
 * @throws HttpError 400 for a name that is there twice
 */
export function textParameters(query: URLSearchParams): Map<string, string> {
  const given = new Map<string, string>();
  const names = new Set<string>();
  for (const [name, value] of query) {
    if (names.has(name)) throw new HttpError(400, `In the query string, ${show(name)} is given twice`);
    names.add(name);
    if (!RESERVED_QUERY_NAMES.has(name)) given.set(name, value);
  }
  return given;
}

function toValue(name: string, parameter: QueryParameter, text: string | undefined): ParameterValue {
  const { what, parse } = PARAMETER_TYPES[parameter.type];
  const { choices } = parameter;
  const right = choices ? `one of ${choices.join(", ")}` : what;
  if (text === undefined) {
    if (parameter.default !== undefined) return parameter.default;
    throw new HttpError(400, `The parameter ${name} is missing: it is ${right}`);
  }
  const value = choices === undefined || choices.includes(text) ? parse(text) : undefined;
  if (value === undefined) throw new HttpError(400, `The parameter ${name} is ${right}; got ${show(text)}`);
  return value;
}

function listOf(wanted: ReadonlyMap<string, QueryParameter>): string {
  return wanted.size === 0 ? "it takes none" : `there are ${[...wanted.keys()].join(", ")}`;
}

function show(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
}
