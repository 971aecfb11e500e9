import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary.ts";

const folder = temporaryFolder();
const LOG = new URL("../../src/logs/sqlite-log.ts", import.meta.url).href;

test("a process with nothing else to do lives until its log is closed, also where calls are still answered", async () => {
  const script = `
    import { sqliteLog } from "${LOG}";
    const log = await sqliteLog({ path: process.argv[2] });
    await log.create("a", { config: { contentType: "text/plain" }, messages: [], closed: false });
    void log.info("a");
    void log.append("a", { messages: [new Uint8Array(10)] });
    await log.close();
    console.log("closed");
  `;
  const program = join(folder.path, "program.mjs");
  const logs = join(folder.path, "logs");
  mkdirSync(logs);
  writeFileSync(program, script);
  const run = promisify(execFile)(process.execPath, [program, join(logs, "streams.db")], { timeout: 30_000 });
  expect((await run).stdout).toBe("closed\n");
  expect(readdirSync(logs).toSorted()).toEqual(["streams.db", "streams.db-lock"]);
});
