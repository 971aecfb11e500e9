/** Express: `pipeline` from the generator to the response. */
import { pipeline } from "node:stream/promises";
import express, { type Response } from "express";
import { chunks, countOf, endless, fileLines, hostname, linesFile, port, strings, ticks } from "./sources.ts";

const app = express();

async function send(response: Response, source: AsyncIterable<string | Uint8Array>): Promise<void> {
  // Rejects when the reader leaves, as readers here do.
  await pipeline(source, response).catch(() => {});
}

app.get("/chunks", (request, response) => send(response, chunks(countOf(request.url))));
app.get("/lines", (request, response) => send(response, fileLines(linesFile(countOf(request.url)))));
app.get("/strings", (request, response) => send(response, strings(countOf(request.url))));
app.get("/ticks", (_request, response) => send(response, ticks()));
app.get("/endless", (_request, response) => send(response, endless()));

app.listen(port, hostname);
