import { streamingResponse } from "../index.ts";

interface DemoRoute {
  readonly path: string;
  readonly what: string;
  /** What comes after `curl`; `URL` stands for the route's address. */
  readonly curl: string;
}

const ROUTES: readonly DemoRoute[] = [
  { path: "/stream", what: "text, line by line, as it is made", curl: "-N URL" },
  { path: "/download", what: "50 MB from a generator, saved as output.txt", curl: "-OJ URL" },
  { path: "/sse", what: "server-sent events, one a second", curl: "-N URL" },
  { path: "/large-file", what: "a text file of 5,000,000 lines", curl: "-s URL | tail -n 1" },
  { path: "/video", what: "a video; players seek in it by byte ranges", curl: "-s -r 0-99 -o part.mp4 -D - URL" },
  { path: "/events", what: "events that are kept: goes on with event 6", curl: "-N -H 'Last-Event-ID: 5' URL" },
  { path: "/export", what: "1,000,000 rows of a database, as CSV", curl: "-s URL | head -n 3" },
  { path: "/healthz", what: "whether the server is well", curl: "URL" },
];

/** Where the demo's own database is what the server exports. */
const TABLE_ROUTES: readonly DemoRoute[] = [
  {
    path: "/export/huge_table.ndjson",
    what: "the same as JSON Lines; .json and .tsv, too",
    curl: "-s URL | head -n 3",
  },
  { path: "/export/huge_table.parquet", what: "the same as Parquet", curl: "-OJ URL" },
  { path: "/tables", what: "what can be exported", curl: "-s URL" },
];

/** What there is to try, as text; as HTML for who prefers that. @param hasTables - its table can be exported by name */
export function indexResponse(request: Request, hasTables: boolean): Response {
  const { origin } = new URL(request.url);
  const wantsHtml = /\btext\/html\b/iu.test(request.headers.get("Accept") ?? "");
  return wantsHtml
    ? streamingResponse([toHtml(origin, hasTables)], { mediaType: "text/html", headers: { Vary: "Accept" } })
    : streamingResponse([toText(origin, hasTables)], { mediaType: "text/plain", headers: { Vary: "Accept" } });
}

/** The same list for a terminal. */
export function toText(origin: string, hasTables: boolean): string {
  const routes = routesOf(hasTables).map(
    ({ path, what, curl }) =>
      `  ${path.padEnd(12)} ${what}\n  ${" ".repeat(12)} curl ${command(curl, origin + path)}\n`,
  );
  return `Sluice's demo:\n\n${routes.join("\n")}`;
}

function toHtml(origin: string, hasTables: boolean): string {
  const rows = routesOf(hasTables).map(
    ({ path, what, curl }) =>
      `<tr><td><a href="${path}">${path}</a><td>${what}<td><code>curl ${escape(command(curl, origin + path))}</code>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sluice's demo</title>
<style>
  body { font: 1rem/1.6 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
  td { padding: .2rem 1rem .2rem 0; vertical-align: top }
  video { width: 100%; max-width: 40rem }
</style>
<h1>Sluice's demo</h1>
<table>
${rows.join("\n")}
</table>
<p><video src="/video" controls muted preload="metadata"></video>
`;
}

function routesOf(hasTables: boolean): readonly DemoRoute[] {
  return hasTables ? [...ROUTES, ...TABLE_ROUTES] : ROUTES;
}

function command(curl: string, url: string): string {
  return curl.replace("URL", url);
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
