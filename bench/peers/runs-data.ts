/** What the peers of the suite `runs` read, and where they write. */
import { join } from "node:path";

export { SELECT, hostname, port, postgresUrl, sqlitePath } from "./rows-data.ts";

const folder = process.env["BENCH_DATA"] ?? ".";

/** The bytes that are run, as a file that the harness has written. */
export const bytesPath: string = join(folder, "run.bin");
export const spoolFolder: string = join(folder, "spool");
export const commandPath: string = join(folder, "command.csv");
/** A file that is followed. */
export const followedPath: string = join(folder, "followed.log");
