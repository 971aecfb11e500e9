import { Hono } from "hono";
import { HttpError } from "../../errors.ts";
import { runResponse } from "../../index.ts";
import type { SpooledBody } from "../../representation/spool/spooled-body.ts";
import { noSuchRun } from "../../representation/spool/run-address.ts";
import { ROW_FORMATS } from "../../rows/row-formats.ts";
import type { RowFormatName } from "../../rows/row-format.ts";
import { detailsOf, scopeOf } from "../../rows/run-response.ts";
import { callerOf } from "../node-request.ts";
import { exportTarget } from "./export-name.ts";
import { type ExporterOptions, RUNS, runTarget } from "./exporter.ts";
import { otherMethod } from "./methods.ts";
import { refuseOtherSites } from "./refuse-other-sites.ts";
import { readText } from "./read-text.ts";

export interface RunRoutesOptions extends ExporterOptions {
  /** Answers a request as if it had come for this address. */
  readonly begin: (request: Request, url: URL) => Promise<Response>;
}

const READING = ["GET", "HEAD"];
const MAX_BODY_BYTES = 65_536;
const NAMES = ["name", "format", "params"];

/** `/exports`: the runs of who asks, what they are, their bytes, and their ends. */
export function createRunRoutes({ begin, spool, clocks, onExport }: RunRoutesOptions): Hono {
  const app = new Hono();
  const find = (request: Request, id: string): SpooledBody | undefined => spool.get(id, scopeOf(callerOf(request)));

  app.get(RUNS, (c) => {
    const scope = scopeOf(callerOf(c.req.raw));
    const runs = spool.list().filter(({ record }) => record.scope === scope);
    return json(runs.map(describeRun));
  });
  app.post(RUNS, async (c) => {
    const request = c.req.raw;
    refuseOtherSites(request);
    const answer = await begin(request, await readWanted(request));
    const id = answer.headers.get("Location")?.split("/").at(-2);
    const run = answer.status === 303 && id !== undefined ? find(request, id) : undefined;
    return run ? json(describeRun(run), 201, { Location: `${RUNS}/${id}` }) : answer;
  });
  app.all(RUNS, (c) => otherMethod(c.req.raw, [...READING, "POST"]));

  app.get(`${RUNS}/:id`, (c) => {
    const run = find(c.req.raw, c.req.param("id"));
    return run ? json(describeRun(run)) : noSuchRun();
  });
  app.delete(`${RUNS}/:id`, async (c) => {
    refuseOtherSites(c.req.raw);
    const run = find(c.req.raw, c.req.param("id"));
    if (!run) return noSuchRun();
    await spool.remove(run);
    return new Response(null, { status: 204 });
  });
  app.all(`${RUNS}/:id`, (c) => otherMethod(c.req.raw, [...READING, "DELETE"]));

  app.get(`${RUNS}/:id/data`, (c) => {
    const request = c.req.raw;
    const caller = callerOf(request);
    return runResponse(request, spool.get(c.req.param("id")), {
      ...(caller === undefined ? {} : { caller }),
      ...(clocks?.stallTimeoutMs === undefined ? {} : { stallTimeoutMs: clocks.stallTimeoutMs }),
      onFinish: (outcome) => onExport?.(request, outcome),
    });
  });
  app.all(`${RUNS}/:id/data`, (c) => otherMethod(c.req.raw, READING));
  return app;
}

/** A run as JSON shows it: times in RFC 3339, lengths in bytes. */
function describeRun(run: SpooledBody): Record<string, unknown> {
  const { id, state, createdAt, endedAt, sha256, failure } = run.record;
  const { rows, truncated, format, filename, heldMs } = detailsOf(run);
  return {
    id,
    name: filename,
    format,
    state,
    rows,
    truncated,
    bytes: run.length,
    sha256,
    failure: failure?.message,
    snapshotAt: new Date(createdAt).toISOString(),
    endedAt: endedAt === undefined ? undefined : new Date(endedAt).toISOString(),
    databaseHeldMs: Math.round(heldMs),
    readers: run.readers,
    data: runTarget(id),
  };
}

function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return Response.json(value, { status, headers: { ...headers, "Cache-Control": "no-store" } });
}

/** What `{ "name": …, "format"?: …, "params"?: { … } }` asks for, as the address that stands for it. */
async function readWanted(request: Request): Promise<URL> {
  if (!/^application\/json\b/iu.test(request.headers.get("Content-Type") ?? "")) {
    throw new HttpError(415, "A run is begun by application/json", { headers: { Accept: "application/json" } });
  }
  const text = await readText(request, MAX_BODY_BYTES);
  let wanted: unknown;
  try {
    wanted = JSON.parse(text);
  } catch (error) {
    throw new HttpError(400, `It is no JSON: ${(error as Error).message}`, { cause: error });
  }
  if (typeof wanted !== "object" || wanted === null) throw new HttpError(400, `It is an object of ${NAMES.join(", ")}`);
  const unknown = Object.keys(wanted).find((name) => !NAMES.includes(name));
  if (unknown !== undefined)
    throw new HttpError(400, `There is no ${JSON.stringify(unknown)}, but ${NAMES.join(", ")}`);
  const { name, format = "csv", params = {} } = wanted as { name?: unknown; format?: unknown; params?: unknown };
  if (typeof name !== "string" || name === "") throw new HttpError(400, "name is a table's, or a query's");
  if (typeof format !== "string" || !Object.hasOwn(ROW_FORMATS, format)) {
    throw new HttpError(400, `format is one of ${Object.keys(ROW_FORMATS).join(", ")}`);
  }
  if (typeof params !== "object" || params === null || Array.isArray(params)) {
    throw new HttpError(400, "params is an object of values by their names");
  }
  const extension = ROW_FORMATS[format as RowFormatName].extensions[0]!;
  const url = new URL(exportTarget(name, extension), request.url);
  for (const [parameter, value] of Object.entries(params as Record<string, unknown>)) {
    url.searchParams.append(parameter, typeof value === "string" ? value : JSON.stringify(value));
  }
  url.searchParams.set("resumable", "1");
  return url;
}
