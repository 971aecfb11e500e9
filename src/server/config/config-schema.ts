import { z } from "zod";
import type { RowFormatName } from "../../rows/row-format.ts";
import { ROW_FORMAT_NAMES } from "../../rows/row-formats.ts";
import { PARAMETER_TYPES, type ParameterType } from "./parameter-types.ts";

/** A configuration file, as it stands there. */
export interface ConfigFile {
  readonly database?: string | undefined;
  readonly port?: number | undefined;
  readonly host?: string | undefined;
  readonly files?: string | undefined;
  readonly allowSql?: boolean | undefined;
  readonly maxRows?: number | undefined;
  /** Where runs are kept. */
  readonly spool?: string | undefined;
  /** Where streams are kept; without it there are none. */
  readonly log?: string | undefined;
  /** Whether all exports are runs. */
  readonly resumable?: boolean | undefined;
  /** Which tables may be exported. */
  readonly tables?: boolean | readonly string[] | undefined;
  readonly queries?: Readonly<Record<string, QueryEntry>> | undefined;
  readonly limits?: ExportLimits | undefined;
}

export interface QueryEntry {
  readonly sql: string;
  readonly params?: Readonly<Record<string, ParameterEntry>> | undefined;
  readonly description?: string | undefined;
  readonly formats?: readonly RowFormatName[] | undefined;
  readonly maxRows?: number | undefined;
  /** Whether it is a run. */
  readonly resumable?: boolean | undefined;
}

export interface ParameterEntry {
  readonly type: ParameterType;
  /** What it is where a request does not say; without it, a request has to. */
  readonly default?: string | number | boolean | null | undefined;
  readonly description?: string | undefined;
  /** The only values it may have. */
  readonly enum?: readonly (string | number | boolean)[] | undefined;
}

/** What exports may take. The defaults are those of the database, and of a response. */
export interface ExportLimits {
  readonly maxQueries?: number | undefined;
  readonly maxQueriesPerCaller?: number | undefined;
  readonly maxWaitMs?: number | undefined;
  readonly statementTimeoutMs?: number | undefined;
  readonly firstRowTimeoutMs?: number | undefined;
  readonly maxSnapshotAgeMs?: number | undefined;
  readonly stallTimeoutMs?: number | undefined;
  /** Runs that are made at a time, and of one caller. */
  readonly maxRuns?: number | undefined;
  readonly maxRunsPerCaller?: number | undefined;
  /** What all runs may have together, in bytes. */
  readonly spoolMaxBytes?: number | undefined;
  /** How long a run is kept after its end, in ms. */
  readonly spoolTtlMs?: number | undefined;
  /** What one append to a stream may have, in bytes. */
  readonly maxMessageBytes?: number | undefined;
}

const TYPES = Object.keys(PARAMETER_TYPES) as [ParameterType, ...ParameterType[]];
const FORMATS = [...ROW_FORMAT_NAMES] as [RowFormatName, ...RowFormatName[]];
const MAX_SHOWN = 60;

/** What would be right, for whatever is wrong with a value. */
function told(what: string): { error: (issue: { input?: unknown }) => string } {
  return {
    error: ({ input }) => (input === undefined ? `is missing: it is ${what}` : `is ${what}; got ${show(input)}`),
  };
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

/** An object with these entries, and no others: one that is not known is one that was misspelt. */
function entries<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const names = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) => {
      const unknown = issue.code === "unrecognized_keys" ? issue.keys : undefined;
      if (unknown === undefined) return `is an object of ${names}; got ${show(issue.input)}`;
      return `has no ${unknown.map(show).join(", ")}: there are ${names}`;
    },
  });
}

function rows(): z.ZodType<number> {
  return z.int(told("a number of rows, an integer ≥ 1")).min(1, told("a number of rows, an integer ≥ 1"));
}

function count(): z.ZodType<number> {
  return z.int(told("an integer ≥ 1")).min(1, told("an integer ≥ 1"));
}

function milliseconds(): z.ZodType<number> {
  return z.number(told("a number of ms ≥ 0")).min(0, told("a number of ms ≥ 0"));
}

const WHAT_PARAMETER = `a type (${TYPES.join(", ")}), or an object with one`;

const scalar = z.union([z.string(), z.number(), z.boolean()], told("a text, a number, true or false"));

const parameterObject = entries({
  type: z.enum(TYPES, told(`one of ${TYPES.join(", ")}`)),
  default: z.union([scalar, z.null()], told("a text, a number, true, false or null")).optional(),
  description: z.string(told("a text")).optional(),
  enum: z.array(scalar, told("a list of values")).min(1, told("a list of at least one value")).optional(),
});

/** `"date"` stands for `{ "type": "date" }`. */
const parameter = z.unknown().transform((value, context): ParameterEntry => {
  if (typeof value === "string" && Object.hasOwn(PARAMETER_TYPES, value)) return { type: value as ParameterType };
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const parsed = isObject ? parameterObject.safeParse(value) : undefined;
  if (parsed?.success) return parsed.data;
  const issues = parsed?.error.issues ?? [{ path: [], message: `is ${WHAT_PARAMETER}; got ${show(value)}` }];
  for (const { path, message } of issues) context.addIssue({ code: "custom", path: [...path], message });
  return z.NEVER;
});

const query = entries({
  sql: z.string(told("a statement, as a text")).min(1, told("a statement, as a text")),
  params: z.record(z.string(), parameter, told("an object of parameters by their names")).optional(),
  description: z.string(told("a text")).optional(),
  formats: z
    .array(z.enum(FORMATS, told(`one of ${FORMATS.join(", ")}`)), told(`a list of ${FORMATS.join(", ")}`))
    .min(1, told("a list of at least one format"))
    .optional(),
  maxRows: rows().optional(),
  resumable: z.boolean(told("true or false")).optional(),
});

const limits = entries({
  maxQueries: count().optional(),
  maxQueriesPerCaller: count().optional(),
  maxWaitMs: milliseconds().optional(),
  statementTimeoutMs: milliseconds().optional(),
  firstRowTimeoutMs: milliseconds().optional(),
  maxSnapshotAgeMs: milliseconds().optional(),
  stallTimeoutMs: milliseconds().optional(),
  maxRuns: count().optional(),
  maxRunsPerCaller: count().optional(),
  spoolMaxBytes: count().optional(),
  spoolTtlMs: milliseconds().optional(),
  maxMessageBytes: count().optional(),
});

const WHAT_PORT = "a port, an integer from 0 to 65535";

const file = entries({
  database: z.string(told("a URL, as in sqlite:app.db")).optional(),
  port: z.int(told(WHAT_PORT)).min(0, told(WHAT_PORT)).max(65_535, told(WHAT_PORT)).optional(),
  host: z.string(told("an address of this machine")).optional(),
  files: z.string(told("a folder's path")).optional(),
  allowSql: z.boolean(told("true or false")).optional(),
  maxRows: rows().optional(),
  spool: z.string(told("a folder's path")).optional(),
  log: z.string(told("a URL, as in sqlite:streams.db")).optional(),
  resumable: z.boolean(told("true or false")).optional(),
  tables: z
    .union([z.boolean(), z.array(z.string())], told("true, false, or a list of the tables that may be exported"))
    .optional(),
  queries: z.record(z.string(), query, told("an object of queries by their names")).optional(),
  limits: limits.optional(),
});

/** What is wrong with a value of the file. */
export interface ConfigIssue {
  /** The names that lead to it. */
  readonly path: readonly PropertyKey[];
  /** What it is, and would have to be: `is …`, `has no …`. */
  readonly message: string;
}

/** Holds the content of a file, as JSON gives it, against what may stand there. */
export function parseConfig(content: unknown): { config: ConfigFile } | { issues: readonly ConfigIssue[] } {
  const parsed = file.safeParse(content);
  return parsed.success ? { config: parsed.data } : { issues: parsed.error.issues };
}
