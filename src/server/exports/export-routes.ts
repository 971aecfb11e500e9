import { Hono } from "hono";
import { requestTargetOf } from "../../http/request-target.ts";
import { problemResponse } from "../../index.ts";
import type { RowDatabase } from "../../rows/row-query.ts";
import { rowsProblem } from "../../rows/rows-problem.ts";
import type { Catalog, Exportable } from "./catalog.ts";
import { type Reading, exportNameOf, readingsOf } from "./export-name.ts";
import { Exporter, type ExporterOptions } from "./exporter.ts";
import { otherMethod } from "./methods.ts";
import { answerQuery } from "./query-route.ts";
import { textParameters, typedParameters } from "./request-parameters.ts";
import { createRunRoutes } from "./run-routes.ts";
import { shareOf } from "./share.ts";
import { tablesResponse } from "./tables-response.ts";

export interface ExportRoutesOptions extends ExporterOptions {
  readonly database: RowDatabase;
  readonly catalog: Catalog;
  /** Whether clients may send statements of their own. */
  readonly allowSql: boolean;
}

const READING = ["GET", "HEAD"];

/** `/tables`, `/export/<name>` and `/query`. */
export function createExportRoutes({ database, catalog, allowSql, ...options }: ExportRoutesOptions): Hono {
  const app = new Hono();
  const exporter = new Exporter(options);

  app.get("/tables", async () => {
    try {
      return tablesResponse(await catalog.list());
    } catch (error) {
      return rowsProblem(error, false);
    }
  });
  app.all("/tables", (c) => otherMethod(c.req.raw, READING));

  app.get("/export/:name", (c) => exportByName(c.req.raw, requestTargetOf(c.req.raw), new URL(c.req.raw.url)));
  app.all("/export/:name", (c) => otherMethod(c.req.raw, READING));

  app.post("/query", (c) =>
    allowSql
      ? answerQuery(c.req.raw, database, exporter)
      : problemResponse(403, "Statements of clients are off: whoever starts the server turns them on by --allow-sql"),
  );
  app.all("/query", (c) => otherMethod(c.req.raw, ["POST"]));
  app.route("/", createRunRoutes({ ...options, begin: (request, url) => exportByName(request, url.pathname, url) }));
  return app;

  async function exportByName(request: Request, target: string, url: URL): Promise<Response> {
    const name = exportNameOf(target);
    if (name === undefined) return problemResponse(404, "There is no such name; /tables lists what there is");
    for (const reading of readingsOf(name, url.searchParams.has("format"))) {
      let found: Exportable | undefined;
      try {
        found = await catalog.find(reading.name);
      } catch (error) {
        return rowsProblem(error, false);
      }
      if (found) return send(request, url, found, reading);
    }
    return problemResponse(404, `There is no table or query ${JSON.stringify(name)}; /tables lists what there is`);
  }

  function send(request: Request, url: URL, found: Exportable, { name, format }: Reading) {
    if ("table" in found) {
      // What it does not know, it does not pass over: a filter that is not heeded gives too many rows.
      const [unknown] = textParameters(url.searchParams).keys();
      if (unknown !== undefined) {
        return problemResponse(400, `There is no parameter ${JSON.stringify(unknown)}: a table takes none`);
      }
      const table = found.table.name;
      const share = JSON.stringify({ table });
      return exporter.send(request, { query: database.table(table), filename: name, format, share }, url);
    }
    const { sql, parameters, formats, maxRows, resumable } = found.query;
    const given = typedParameters(url.searchParams, parameters);
    const rows = database.query(sql, given);
    const share = shareOf(sql, given);
    return exporter.send(request, { query: rows, filename: name, format, formats, maxRows, share, resumable }, url);
  }
}
