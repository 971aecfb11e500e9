/** A run of a server's: begun, and asked after. */
import { setTimeout as wait } from "node:timers/promises";
import type { RunningServer } from "../../harness/server.ts";

/** `fetch` accepts others by itself, and a run is made in each that is asked for. */
export const AS_IT_IS = { "Accept-Encoding": "identity" };

const WRITTEN_MS = 120_000;
const LOOK_MS = 20;

export interface RunState {
  state: "writing" | "finished" | "failed";
  /** Bytes that are there. */
  length: number;
  /** Of rows: how long the database was held, by what Sluice says. */
  heldMs: number;
}

/** Asks for the first address; returns the run's own. */
export async function beginRun(server: RunningServer, path: string): Promise<string> {
  const response = await fetch(server.url + path, { headers: AS_IT_IS, redirect: "manual" });
  await response.arrayBuffer();
  const location = response.headers.get("location");
  if (response.status !== 303 || location === null) throw new Error(`${path} answered ${response.status}`);
  const { pathname, search } = new URL(location, server.url + path);
  return pathname + search;
}

/** Resolves when it is finished, and on the disk. @param run - its own address */
export async function runEnded(server: RunningServer, run: string): Promise<RunState> {
  const state = await ask(server, "/ended", run);
  if (state.state !== "finished") throw new Error(`${run} has ${state.state}`);
  return state;
}

/** Resolves when so many bytes of it are there. */
export async function runHas(server: RunningServer, run: string, bytes: number): Promise<void> {
  for (const deadline = Date.now() + WRITTEN_MS; (await ask(server, "/state", run)).length < bytes; await wait(LOOK_MS))
    if (Date.now() > deadline) throw new Error(`${run} did not grow to ${bytes} bytes`);
}

async function ask(server: RunningServer, path: string, run: string): Promise<RunState> {
  const { search } = new URL(run, server.url);
  const response = await fetch(server.url + path + search);
  return (await response.json()) as RunState;
}
