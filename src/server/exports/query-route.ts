import { HttpError, SluiceTypeError } from "../../errors.ts";
import { essence } from "../../http/headers.ts";
import type { RowQuery } from "../../index.ts";
import type { ParameterValue, Parameters } from "../../rows/parameters.ts";
import type { RowFormatName } from "../../rows/row-format.ts";
import { ROW_FORMAT_NAMES } from "../../rows/row-formats.ts";
import type { RowDatabase } from "../../rows/row-query.ts";
import { rowsProblem } from "../../rows/rows-problem.ts";
import type { Exporter } from "./exporter.ts";
import { refuseOtherSites } from "./refuse-other-sites.ts";
import { shareOf } from "./share.ts";
import { readText } from "./read-text.ts";
import { textParameters } from "./request-parameters.ts";

/** The most that a request with a statement may have, in bytes. */
export const MAX_STATEMENT_BYTES = 262_144;

interface Statement {
  readonly sql: string;
  readonly params: Parameters;
  readonly format: RowFormatName | undefined;
}

const NAMES = ["sql", "params", "format"];
const ACCEPTED = "application/json, application/sql, text/plain";

/**
 * Runs a statement that a client wrote. As JSON: `{ "sql": …, "params"?: { … }, "format"?: … }`; as SQL: with the parameters
 * in the query string, as text.
 *
 * @throws HttpError 400 for what is no such, 403 from another site's page, 413, 415
 */
export async function answerQuery(request: Request, database: RowDatabase, exporter: Exporter): Promise<Response> {
  refuseOtherSites(request);
  const { sql, params, format } = await readStatement(request);
  let query: RowQuery;
  try {
    query = database.query(sql, params);
  } catch (error) {
    if (error instanceof SluiceTypeError) throw new HttpError(400, error.message, { cause: error });
    return rowsProblem(error, true);
  }
  return exporter.send(request, { query, filename: "query", format, explain: true, share: shareOf(sql, params) });
}

async function readStatement(request: Request): Promise<Statement> {
  const type = essence(request.headers.get("Content-Type") ?? "");
  const query = textParameters(new URL(request.url).searchParams);
  switch (type) {
    case "application/sql":
    case "text/plain":
      return {
        sql: await readText(request, MAX_STATEMENT_BYTES),
        params: Object.fromEntries(query),
        format: undefined,
      };
    case "application/json": {
      const [name] = query.keys();
      if (name !== undefined)
        throw new HttpError(400, `${JSON.stringify(name)} stands in "params", beside the statement`);
      return toStatement(parseJson(await readText(request, MAX_STATEMENT_BYTES)));
    }
    default:
      throw new HttpError(
        415,
        `A statement comes as one of ${ACCEPTED}; got ${type === "" ? "no Content-Type" : type}`,
        {
          headers: { "Accept-Post": ACCEPTED },
        },
      );
  }
}

/** Integers that a JavaScript number cannot hold become bigints. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, ((_key: string, value: unknown, context: { source?: string }) => {
      const { source } = context;
      if (typeof value !== "number" || source === undefined || Number.isSafeInteger(value)) return value;
      return /^-?\d+$/u.test(source) ? BigInt(source) : value;
    }) as (key: string, value: unknown) => unknown);
  } catch (error) {
    throw new HttpError(400, `The body is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function toStatement(body: unknown): Statement {
  if (!isObject(body)) throw new HttpError(400, 'The body is an object, as in {"sql": "SELECT 1"}');
  const { sql, params = {}, format } = body;
  const unknown = Object.keys(body).find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    throw new HttpError(400, `The body has no ${JSON.stringify(unknown)}: there are ${NAMES.join(", ")}`);
  }
  if (typeof sql !== "string") throw new HttpError(400, '"sql" is the statement, as a text');
  if (!isObject(params)) throw new HttpError(400, '"params" is an object of values by their names');
  if (format !== undefined && !ROW_FORMAT_NAMES.includes(format as RowFormatName)) {
    throw new HttpError(400, `"format" is one of ${ROW_FORMAT_NAMES.join(", ")}`);
  }
  for (const [name, value] of Object.entries(params)) {
    if (typeof value === "object" && value !== null) {
      throw new HttpError(400, `The parameter ${name} is a text, a number, true, false or null`);
    }
  }
  return { sql, params: params as Record<string, ParameterValue>, format: format as RowFormatName | undefined };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
