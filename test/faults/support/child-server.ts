import { readdirSync } from "node:fs";
import { budget } from "../../../src/index.ts";
import { type FetchHandler, type RunningServer, type ServeOptions, serve } from "../../../src/node/index.ts";

type Command = (argument: unknown) => unknown;

export interface Memory {
  rssBytes: number;
  /** The most since the process began. */
  peakRssBytes: number;
  heapBytes: number;
  /** Buffers outside the heap. */
  externalBytes: number;
}

/** What the test handed over. */
export function childArgument(): unknown {
  return JSON.parse(process.argv[2] ?? "null");
}

/** Serves `handler` in this process, and answers the test's commands until the test lets go of it. */
export async function runServer(
  handler: FetchHandler,
  options: ServeOptions = {},
  commands: Record<string, Command> = {},
): Promise<RunningServer> {
  const server = await serve(handler, { port: 0, ...options });
  answerCommands(server.port, {
    active: () => server.active,
    ...commands,
  });
  return server;
}

/** As {@link runServer}, for a server that is not ours. */
export function answerCommands(port: number, commands: Record<string, Command>): void {
  const all: Record<string, Command> = {
    memory: readMemory,
    budget: () => budget.usedBytes,
    descriptors: () => readdirSync("/dev/fd").length,
    resources: () => process.getActiveResourcesInfo().toSorted(),
    ...commands,
  };
  process.on("message", ({ id, command, argument }: { id: number; command: string; argument: unknown }) => {
    void run(all[command], argument).then(
      (value) => process.send!({ id, value }),
      (error: unknown) => process.send!({ id, error: String(error) }),
    );
  });
  // A server never outlives its test.
  process.on("disconnect", exitWithTest);
  process.send!({ ready: { port } });
}

function exitWithTest(): void {
  process.exit(1);
}

/** Lets go of the test: the process may end by itself. */
export function letGo(): void {
  process.removeListener("disconnect", exitWithTest);
  process.disconnect();
}

async function run(command: Command | undefined, argument: unknown): Promise<unknown> {
  if (!command) throw new Error("There is no such command");
  return command(argument);
}

/** After collections that give all they can back to the system. */
async function readMemory(): Promise<Memory> {
  for (let round = 0; round < 3; round++) {
    await globalThis.gc!({ type: "major", execution: "async", flavor: "last-resort" });
    await new Promise(setImmediate);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    rssBytes: rss,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    heapBytes: heapUsed,
    externalBytes: external,
  };
}
