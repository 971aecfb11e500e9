/** What the peers of the suite `files` serve, and where. */
import { join } from "node:path";

export { hostname, port } from "./sources.ts";

/** The folder the harness has written the files into. */
export const root: string = join(process.env["BENCH_DATA"] ?? ".", "files");

/** The file a request's path names; enough for the names that are asked for here. */
export function fileOf(url: string | undefined): string {
  return join(root, new URL(url ?? "/", "http://localhost").pathname);
}
