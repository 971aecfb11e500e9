/** The one client every server is measured with, in a process of its own. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { compile } from "./compile.ts";
import { startProcess, stopProcess } from "./processes.ts";

const CLIENTS_FOLDER = fileURLToPath(new URL("../clients/", import.meta.url));

/** What to ask and how to read: the options of `bench/clients/native/options.c`. */
export interface ReadOptions {
  path: string;
  headers?: string[] | undefined;
  connections?: number;
  requests?: number;
  rounds?: number;
  lingerMs?: number;
  paceBytes?: number;
  pauseAfter?: number;
  paused?: number;
  /** Leaves after so many bytes of the body, which counts as its end: of a body that has none yet. */
  leaveAfter?: number;
  /** Asks for ranges: each connection from another byte of so many on, to the end. */
  spreadBytes?: number;
  hold?: boolean;
  /** Reports how long each response took. */
  requestTimes?: boolean;
  /** Copies bodies of known length, which the native client otherwise has dropped in the kernel. */
  copyBodies?: boolean;
  /** POSTs bodies of so many bytes instead of asking by GET. */
  postBytes?: number;
  /** Each connection has its number, modulo this one, behind its path. */
  paths?: number;
  /** Follows `Stream-Next-Offset` from answer to answer, until one has `Stream-Up-To-Date`. */
  pages?: boolean;
  publish?: string;
  events?: number;
  eventBytes?: number;
  window?: number;
  /** Publishes so many events a second, whoever has them, instead of waiting for their readers. */
  rate?: number;
  /** Connections that events are published on at a `rate`. */
  publishers?: number;
  timeoutMs?: number;
}

/** What the client counted. */
export interface ReadResult {
  timedOut: boolean;
  /** Responses read to their right end. */
  completed: number;
  /** Connections that broke. */
  failed: number;
  /** Responses whose status was neither 200 nor 206; with `postBytes`, not 2xx. */
  notOk: number;
  /** The status of the last of them. */
  lastNotOk: number;
  bodyBytes: number;
  /** Events counted by readers that don't pause. */
  deliveries: number;
  published: number;
  publishFailed: boolean;
  wallMs: number;
  /** The client's own CPU time. */
  cpuMs: number;
  /** From connecting to the first body byte, one per connection and round. */
  firstByteMs: number[];
  /** From asking to the whole response, with `requestTimes`. */
  requestMs: number[];
  /** From each event's POST to its last reader; at a `rate`, from when it was due. */
  lastReaderMs: number[];
  /** At a `rate`: deliveries that were lost, repeated, or in another order than at another reader. */
  outOfOrder?: number;
  /** At a `rate`: from the first event to the last delivery. */
  publishingMs?: number;
  /** At a `rate`: of all deliveries, from when an event was due. */
  deliveryP50Ms?: number;
  deliveryP99Ms?: number;
}

/** Readers that are connected and wait. */
interface HeldReaders {
  /** Lets them go, or lets publishing begin; resolves with the end of it all. */
  tell(): Promise<ReadResult>;
}

export interface Client {
  description: string;
  /** Runs until every reader has ended, or paused. Throws unless every response was right and arrived whole. */
  read(port: number, options: ReadOptions): Promise<ReadResult>;
  /** Resolves as soon as every reader has what it waits for. */
  hold(port: number, options: ReadOptions): Promise<HeldReaders>;
}

/** Compiles the native client into `folder`, or falls back to the slower one in Node. */
export async function createClient(folder: string, wanted: "native" | "node"): Promise<Client> {
  if (wanted === "node") return clientOf([process.execPath, join(CLIENTS_FOLDER, "reader.ts")], "Node");
  const sources = (await readdir(join(CLIENTS_FOLDER, "native"))).filter((name) => name.endsWith(".c"));
  const files = sources.map((name) => join(CLIENTS_FOLDER, "native", name));
  const program = join(folder, "reader");
  const compiler = await compile(files, program);
  if (compiler !== undefined) return clientOf([program], `native, built with ${compiler}`);
  return clientOf([process.execPath, join(CLIENTS_FOLDER, "reader.ts")], "Node, because there is no C compiler");
}

function clientOf(command: string[], description: string): Client {
  return {
    description,
    read: async (port, options) => {
      const readers = startReaders(command, port, options);
      return judge(await readers.result);
    },
    hold: async (port, options) => {
      const readers = startReaders(command, port, { hold: options.publish === undefined, ...options });
      if ((await Promise.race([readers.ready, readers.result])) !== "ready") judge(await readers.result);
      return {
        tell: async () => {
          readers.tell();
          return judge(await readers.result);
        },
      };
    },
  };
}

function judge(result: ReadResult): ReadResult {
  const complaints = [
    (result.outOfOrder ?? 0) > 0 && "events were lost, repeated, or in different orders",
    result.timedOut && "it took too long",
    result.failed > 0 && `${result.failed} connections broke`,
    result.notOk > 0 && `${result.notOk} answers had the wrong status, the last ${result.lastNotOk}`,
    result.publishFailed && "publishing failed",
  ].filter(Boolean);
  if (complaints.length > 0) throw new Error(complaints.join(", "));
  return result;
}

function startReaders(command: string[], port: number, options: ReadOptions) {
  const child = startProcess([...command, "--port", String(port), ...toArguments(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ready = Promise.withResolvers<"ready">();
  const result = Promise.withResolvers<ReadResult>();
  child.stdin?.on("error", () => {});
  createInterface({ input: child.stdout! }).on("line", (line) => {
    const message = JSON.parse(line) as ReadResult | { ready: true };
    if ("ready" in message) ready.resolve("ready");
    else result.resolve(message);
  });
  child.once("error", (error) => result.reject(error));
  child.once("close", () => result.reject(new Error("the client ended without a result")));
  result.promise.catch(() => {}).finally(() => void stopProcess(child));
  return { ready: ready.promise, result: result.promise, tell: () => child.stdin?.end("go\n") };
}

function toArguments(options: ReadOptions): string[] {
  const { headers = [], ...rest } = options;
  const list = headers.flatMap((header) => ["--header", header]);
  for (const [name, value] of Object.entries(rest)) {
    if (value === undefined || value === false) continue;
    list.push(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
    if (value !== true) list.push(String(value));
  }
  return list;
}
