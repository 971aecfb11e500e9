/** Sluice's streams, as their documentation shows them. */
import { join } from "node:path";
import { createStreams } from "sluice";
import { memoryLog } from "sluice/logs/memory";
import { sqliteLog } from "sluice/logs/sqlite";
import { serve } from "sluice/node";
import { emptyFolder, hostname, logKind, port } from "./streams-data.ts";

const log = logKind === "memory" ? memoryLog() : await sqliteLog({ path: join(emptyFolder(), "streams.db") });
const streams = createStreams({ log });

// Writers send all that they append on one connection.
await serve((request) => streams.fetch(request), { port, hostname, limits: { maxRequestsPerSocket: 0 } });
