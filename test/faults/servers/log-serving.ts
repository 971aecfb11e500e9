/** Streams on a log in a file, until it is killed. */
import { createStreams } from "../../../src/index.ts";
import { sqliteLog } from "../../../src/logs/sqlite-log.ts";
import { childArgument, runServer } from "../support/child-server.ts";

const { path, port } = childArgument() as { path: string; port: number };
const streams = createStreams({ log: await sqliteLog({ path }), longPollTimeoutMs: 2000 });

await runServer((request) => streams.fetch(request), { port });
