/** Where the table of the suite `rows` is. */
import { join } from "node:path";

export { hostname, port } from "./sources.ts";

export const sqlitePath: string = join(process.env["BENCH_DATA"] ?? ".", "rows.db");
export const postgresUrl: string = process.env["BENCH_POSTGRES"] ?? "";
export const SELECT = "SELECT * FROM huge_table";
