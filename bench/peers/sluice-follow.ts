/** Sluice, as its documentation shows it. */
import { writeFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { fileResponse } from "sluice";
import { serve } from "sluice/node";
import { followedPath, hostname, port } from "./runs-data.ts";

/** A file of its own for each name, empty at first. */
function fileOf(name: string): string {
  return `${followedPath}-${name}`;
}

for (const name of ["checked", "first", "measured"]) writeFileSync(fileOf(name), "");

async function handle(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const path = fileOf(searchParams.get("file") ?? "checked");
  switch (pathname) {
    case "/follow":
      return fileResponse(request, path, { mediaType: "text/plain", follow: {} });
    case "/publish":
      await appendFile(path, await request.text());
      return new Response(null, { status: 204 });
    default:
      return new Response(null, { status: 404 });
  }
}

// The publisher sends all its events on one connection.
await serve(handle, { port, hostname, limits: { maxRequestsPerSocket: 0 } });
