import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type EventLog, type Streams, createStreams } from "../../index.ts";
import { ConfigError } from "../config/config-error.ts";
import { parseLogUrl } from "../config/log-url.ts";
import type { Settings } from "../config/settings.ts";

/** The streams of the server, and their log. */
export interface OpenStreams extends AsyncDisposable {
  readonly streams: Streams;
}

/** @throws ConfigError for a log that cannot be opened */
export async function openStreams({ log: url, limits }: Settings): Promise<OpenStreams | undefined> {
  if (url === undefined) return undefined;
  const log = await openLog(url);
  const { stallTimeoutMs, maxMessageBytes } = limits;
  const streams = createStreams({
    log,
    ...(stallTimeoutMs === undefined ? {} : { stallTimeoutMs }),
    ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }),
  });
  return {
    streams,
    async [Symbol.asyncDispose]() {
      await streams.close();
      await log.close();
    },
  };
}

async function openLog(url: string): Promise<EventLog> {
  const parsed = parseLogUrl(url);
  if (parsed.scheme === "memory") {
    const { memoryLog } = await import("../../logs/memory-log.ts");
    return memoryLog();
  }
  const { path } = parsed;
  const { sqliteLog } = await import("../../logs/sqlite-log.ts");
  try {
    mkdirSync(dirname(path), { recursive: true });
    return await sqliteLog({ path });
  } catch (error) {
    throw new ConfigError(`--log: ${(error as Error).message}`, { cause: error });
  }
}
