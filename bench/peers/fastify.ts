/** Fastify: `reply.send(Readable.from(generator))`. */
import { Readable } from "node:stream";
import fastify from "fastify";
import { chunks, countOf, endless, fileLines, hostname, linesFile, port, strings, ticks } from "./sources.ts";

const app = fastify();

app.get("/chunks", (request, reply) => reply.send(Readable.from(chunks(countOf(request.url)))));
app.get("/lines", (request, reply) => reply.send(Readable.from(fileLines(linesFile(countOf(request.url))))));
app.get("/strings", (request, reply) => reply.send(Readable.from(strings(countOf(request.url)))));
app.get("/ticks", (_request, reply) => reply.send(Readable.from(ticks())));
app.get("/endless", (_request, reply) => reply.send(Readable.from(endless())));

await app.listen({ port, host: hostname });
