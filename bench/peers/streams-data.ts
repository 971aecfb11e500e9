/** Where the peers of the suite `streams` keep what they are told to. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

export { hostname, port } from "./sources.ts";

/** `memory`, or something on the disk. */
export const logKind: string = process.env["BENCH_LOG"] ?? "memory";

/** A folder that is empty: what a run before this one has kept is gone, so that the disk does not fill. */
export function emptyFolder(): string {
  const folder = join(process.env["BENCH_DATA"] ?? ".", "streams");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  return folder;
}
