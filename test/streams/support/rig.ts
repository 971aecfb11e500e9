import { type Streams, type StreamsOptions, createStreams } from "sluice";
import { type MemoryLogOptions, memoryLog } from "sluice/logs/memory";
import { type RunningServer, type ServeOptions, serve } from "sluice/node";
import { expect } from "vitest";
import type { EventLog } from "../../../src/logs/event-log.ts";
import { until } from "../../helpers/deadline.ts";

export interface RigOptions extends Omit<StreamsOptions, "log"> {
  /** Between the streams and the log in memory. */
  over?: (log: EventLog) => EventLog;
  memory?: MemoryLogOptions;
  onResult?: ServeOptions["onResult"];
}

/** Streams on a log in memory, behind a server. When it is disposed of, nobody may be watching the log any more. */
export interface Rig extends AsyncDisposable {
  /** As the test has it: calls of the streams' own go through `over` first. */
  readonly log: EventLog;
  readonly streams: Streams;
  readonly server: RunningServer;
  /** How many watch the log now. */
  readonly watchers: number;
  url(name: string, query?: string): string;
  put(name: string, contentType: string, fields?: Record<string, string>): Promise<void>;
  /** Waits until nobody follows any stream. */
  untilUnwatched(): Promise<void>;
}

export async function startStreams({ over, memory, onResult, ...options }: RigOptions = {}): Promise<Rig> {
  const log = memoryLog(memory);
  let watchers = 0;
  const counted = overLog(log, {
    watch(name, listener) {
      const unwatch = log.watch(name, listener);
      watchers++;
      return () => {
        watchers--;
        unwatch();
      };
    },
  });
  const streams = createStreams({ log: over ? over(counted) : counted, ...options });
  const server = await serve((request) => streams.fetch(request), { port: 0, onResult });
  const url = (name: string, query = ""): string =>
    `${server.url}/v1/stream/${encodeURIComponent(name)}${query === "" ? "" : `?${query}`}`;
  const untilUnwatched = (): Promise<void> => until(() => watchers === 0, "the end of all watching");
  return {
    log,
    streams,
    server,
    get watchers() {
      return watchers;
    },
    url,
    async put(name, contentType, fields = {}) {
      const { status } = await fetch(url(name), { method: "PUT", headers: { "Content-Type": contentType, ...fields } });
      expect(status).toBe(201);
    },
    untilUnwatched,
    async [Symbol.asyncDispose]() {
      await server.destroy();
      await streams.close();
      await untilUnwatched();
      await log.close();
    },
  };
}

/** A log, some of whose calls are other ones. */
export function overLog(log: EventLog, changed: Partial<EventLog>): EventLog {
  return new Proxy(log, {
    get(target, name) {
      const other = changed[name as keyof EventLog];
      if (other) return other;
      const own: unknown = Reflect.get(target, name);
      return typeof own === "function" ? own.bind(target) : own;
    },
  });
}
