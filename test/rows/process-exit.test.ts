import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { until } from "../helpers/deadline.ts";
import { ENDLESS, isRunning, makeDatabase, temporaryFolder, wanted } from "./support.ts";

const LEAVING = fileURLToPath(new URL("./children/leaving.ts", import.meta.url));
const path = makeDatabase(join(temporaryFolder(), "small.db"), "CREATE TABLE t (a)");

test("a process that exits takes its readers with it, however busy they are", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [LEAVING, path, ENDLESS]);
  const pid = Number(stdout);
  expect(pid).toBeGreaterThan(1);
  await until(() => !isRunning(pid), "the end of the reader", 1_000);
});

test.each(["", "await database.close()", "await database.destroy()"])(
  "a process that has nothing left to do ends, although a reader is idle (%s)",
  async (last) => {
    const script = `
    import { sqlite } from ${JSON.stringify(new URL("../../src/rows/databases/sqlite.ts", import.meta.url).href)};
    const database = sqlite(${JSON.stringify(path)});
    const request = ${JSON.stringify({ ...wanted(), maxRows: 5 })};
    const rows = await database.query("SELECT 1 AS one").open(request, new AbortController().signal);
    for (let text = await rows.pull(); text !== undefined; text = await rows.pull()) process.stdout.write(text);
    ${last}`;
    const startedAt = performance.now();
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    expect(stdout).toBe('"one"\r\n1\r\n');
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  },
);
