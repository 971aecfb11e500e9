/** Sluice, as its documentation shows it. */
import { createReadStream, rmSync } from "node:fs";
import { fileResponse, openSpool, rowsResponse, spooled, type SpooledBody } from "sluice";
import { postgres } from "sluice/databases/postgres";
import { sqlite } from "sluice/databases/sqlite";
import { serve } from "sluice/node";
import { SELECT, bytesPath, hostname, port, postgresUrl, spoolFolder, sqlitePath } from "./runs-data.ts";

// What the process before this one has left only takes room.
rmSync(spoolFolder, { recursive: true, force: true });
const spool = await openSpool({ folder: spoolFolder });

const lite = sqlite(sqlitePath, { warmReaders: 1 });
const server = postgresUrl === "" ? undefined : postgres(postgresUrl);

const finished = spooled("finished", () => createReadStream(bytesPath), { spool });

/** Resolves when the other run is to end. */
const ending = Promise.withResolvers<void>();

const growing = spooled(
  "growing",
  async function* () {
    yield* createReadStream(bytesPath);
    await ending.promise;
  },
  { spool },
);

/** What the harness wants to know of a run. */
function tell({ record: { state }, length, details: { heldMs } }: SpooledBody): Response {
  return Response.json({ state, length, heldMs });
}

async function handle(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const run = (): SpooledBody => spool.get(searchParams.get("run") ?? "")!;
  const share = searchParams.get("share");
  const rows = { format: "csv", resumable: true, spool, ...(share === null ? {} : { share }) } as const;
  switch (pathname) {
    case "/sqlite.csv":
      return rowsResponse(request, lite.query(SELECT), rows);
    case "/postgres.csv":
      return rowsResponse(request, server!.query(SELECT), rows);
    case "/finished":
      return finished(request);
    case "/growing":
      return growing(request);
    case "/file":
      return fileResponse(request, bytesPath);
    case "/state":
      return tell(run());
    case "/ended":
      await run().ended;
      return tell(run());
    case "/end":
      ending.resolve();
      return new Response(null, { status: 204 });
    default:
      return new Response(null, { status: 404 });
  }
}

await serve(handle, { port, hostname });
