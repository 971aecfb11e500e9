import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { runConformanceTests } from "@durable-streams/server-conformance-tests";
import { type EventLog, createStreams } from "sluice";
import { memoryLog } from "sluice/logs/memory";
import { sqliteLog } from "sluice/logs/sqlite";
import { type RunningServer, serve } from "sluice/node";
import { afterAll, beforeAll, describe } from "vitest";
import { temporaryFolder } from "../helpers/temporary.ts";

const folder = temporaryFolder();
const sqliteFile = (): string => join(mkdtempSync(join(folder.path, "log-")), "streams.db");

/** The protocol's own suite. It has 332 tests, without those of the optional subscriptions, which we don't have. */
describe.each<[where: string, open: () => EventLog | Promise<EventLog>]>([
  ["in memory", () => memoryLog()],
  ["in SQLite", () => sqliteLog({ path: sqliteFile() })],
])("on the log %s", (_where, open) => {
  const options = { baseUrl: "", subscriptions: false, longPollTimeoutMs: 500 };
  let server: RunningServer | undefined;
  let close: (() => Promise<void>) | undefined;

  beforeAll(async () => {
    const log = await open();
    const streams = createStreams({ log, longPollTimeoutMs: options.longPollTimeoutMs });
    server = await serve((request) => streams.fetch(request), { port: 0 });
    options.baseUrl = server.url;
    close = async () => {
      await streams.close();
      await log.close();
    };
  });
  afterAll(async () => {
    await server?.destroy();
    await close?.();
  });

  runConformanceTests(options);
});
