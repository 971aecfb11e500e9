/** Streams on a log, with what fills them. */
import { createStreams } from "../../../src/index.ts";
import { memoryLog } from "../../../src/logs/memory-log.ts";
import { sqliteLog } from "../../../src/logs/sqlite-log.ts";
import { childArgument, runServer } from "../../faults/support/child-server.ts";

export interface StreamsArgument {
  /** Of the file; undefined: in memory. */
  path?: string;
}

export interface Fill {
  name: string;
  contentType: string;
  messages: number;
  messageBytes: number;
  close: boolean;
}

const { path } = childArgument() as StreamsArgument;
const log = path === undefined ? memoryLog() : await sqliteLog({ path });
const streams = createStreams({ log });
/** Messages that were read from the log, by whomever. */
let produced = 0;
/** Who watches the log now. */
let watchers = 0;
const { read, watch } = log;
log.watch = (...args) => {
  const unwatch = watch.apply(log, args);
  watchers++;
  return () => {
    watchers--;
    unwatch();
  };
};
log.read = async (...args) => {
  const result = await read.apply(log, args);
  if (result.status === "page") produced += result.page.messages.length;
  return result;
};

async function fill({ name, contentType, messages, messageBytes, close }: Fill): Promise<void> {
  const atOnce = Math.min(10_000, Math.ceil((8 * 1024 * 1024) / messageBytes));
  await log.create(name, { config: { contentType }, messages: [], closed: false });
  for (let written = 0; written < messages; written += atOnce) {
    const count = Math.min(atOnce, messages - written);
    const batch = Array.from({ length: count }, () => new Uint8Array(messageBytes).fill(0x31));
    await log.append(name, { messages: batch });
  }
  if (close) await log.append(name, { messages: [], close });
}

await runServer((request) => streams.fetch(request), {}, {
  fill: (argument) => fill(argument as Fill),
  produced: () => produced,
  watchers: () => watchers,
  append: async ({ name, text }: { name: string; text: string }) =>
    streams.append(name, [text], { contentType: "text/plain" }),
  async close() {
    await streams.close();
    await log.close();
  },
} as Record<string, (argument: unknown) => unknown>);
