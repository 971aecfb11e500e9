/** @fastify/static. */
import fastifyStatic from "@fastify/static";
import fastify from "fastify";
import { hostname, port, root } from "./served.ts";

const app = fastify();

await app.register(fastifyStatic, { root });
await app.listen({ port, host: hostname });
