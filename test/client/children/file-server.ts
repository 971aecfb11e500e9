/** Serves one file, on the port of the server before it; prints its address, and where each request's range begins. */
import { fileResponse } from "../../../src/index.ts";
import { serve } from "../../../src/node/index.ts";

const [path, port] = process.argv.slice(2) as [string, string];
const server = await serve(
  (request) => {
    console.log(request.headers.get("range") ?? "whole");
    return fileResponse(request, path);
  },
  { port: Number(port) },
);
console.log(server.url);
