import type { ParameterValue } from "../../rows/parameters.ts";
import { RESERVED_QUERY_NAMES } from "../../rows/request-options.ts";
import type { RowFormatName } from "../../rows/row-format.ts";
import type { ConfigIssue, ParameterEntry, QueryEntry } from "./config-schema.ts";
import { PARAMETER_TYPES, type ParameterType } from "./parameter-types.ts";

/** A query of the configuration file: it can be exported under its name. */
export interface NamedQuery {
  readonly name: string;
  readonly sql: string;
  /** By name. */
  readonly parameters: ReadonlyMap<string, QueryParameter>;
  readonly description: string | undefined;
  /** Undefined for all. */
  readonly formats: readonly RowFormatName[] | undefined;
  readonly maxRows: number | undefined;
  readonly resumable: boolean | undefined;
}

export interface QueryParameter {
  readonly type: ParameterType;
  /** Undefined where a request has to say it. */
  readonly default: ParameterValue | undefined;
  readonly description: string | undefined;
  /** The only texts it may be, where there are such. */
  readonly choices: readonly string[] | undefined;
}

const QUERY_NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u;
const EXTENSION = /\.(?:csv|tsv|ndjson|jsonl|json|parquet)$/iu;

/** Makes queries of what stands in the file. What is wrong with them is added to `issues`. */
export function toNamedQueries(entries: Readonly<Record<string, QueryEntry>>, issues: ConfigIssue[]): NamedQuery[] {
  return Object.entries(entries).map(([name, entry]) => toNamedQuery(name, entry, issues));
}

function toNamedQuery(name: string, entry: QueryEntry, issues: ConfigIssue[]): NamedQuery {
  const path = ["queries", name];
  if (!QUERY_NAME.test(name) || EXTENSION.test(name)) {
    const message = "has a name that URLs cannot have: letters, digits, _, - and ., without an extension of a format";
    issues.push({ path, message });
  }
  const given = Object.entries(entry.params ?? {});
  checkNames([...path, "params"], Object.keys(entry.params ?? {}), issues);
  return {
    name,
    sql: entry.sql,
    parameters: new Map(given.map(([key, value]) => [key, toParameter([...path, "params", key], value, issues)])),
    description: entry.description,
    formats: entry.formats,
    maxRows: entry.maxRows,
    resumable: entry.resumable,
  };
}

/** Whether they are the statement's, the database says: each has rules of its own for what is a parameter. */
function checkNames(path: string[], names: readonly string[], issues: ConfigIssue[]): void {
  for (const name of names) {
    if (!RESERVED_QUERY_NAMES.has(name)) continue;
    const reserved = [...RESERVED_QUERY_NAMES].join(", ");
    const message = `has a name that says how rows are written (${reserved}): choose another`;
    issues.push({ path: [...path, name], message });
  }
}

function toParameter(path: string[], entry: ParameterEntry, issues: ConfigIssue[]): QueryParameter {
  const { what, parse } = PARAMETER_TYPES[entry.type];
  const choices = entry.enum?.map(String);
  for (const [index, choice] of (choices ?? []).entries()) {
    if (parse(choice) === undefined) {
      issues.push({ path: [...path, "enum", index], message: `is ${what}; got ${JSON.stringify(choice)}` });
    }
  }
  const { type, description } = entry;
  return { type, description, choices, default: toDefault(path, entry, choices, issues) };
}

function toDefault(
  path: string[],
  { type, default: given }: ParameterEntry,
  choices: readonly string[] | undefined,
  issues: ConfigIssue[],
): ParameterValue | undefined {
  if (given === undefined || given === null) return given;
  const text = String(given);
  const { what, parse } = PARAMETER_TYPES[type];
  const value = parse(text);
  const at = [...path, "default"];
  if (value === undefined) issues.push({ path: at, message: `is ${what}; got ${JSON.stringify(given)}` });
  else if (choices && !choices.includes(text)) {
    issues.push({ path: at, message: `is one of ${choices.join(", ")}; got ${JSON.stringify(given)}` });
  }
  return value;
}
