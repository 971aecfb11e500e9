import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Spool, type SpooledBody, openSpool, spooled } from "sluice";
import { expect, test } from "vitest";
import { watchReports } from "../helpers/reports.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const KB = 1000;
const folder = temporaryFolder();
watchReports();

/** Asks for a body of so many bytes, and reads it. */
async function make(spool: Spool, key: string, bytes: number): Promise<{ status: number; text: string }> {
  const handler = spooled(key, () => [Buffer.alloc(bytes, key)], { spool });
  const first = await handler(new Request("http://host/"));
  if (first.status !== 303) return { status: first.status, text: await first.text() };
  const response = await handler(new Request(new URL(first.headers.get("Location")!, "http://host/")));
  return { status: response.status, text: await response.text() };
}

/** Opens it in another process, and closes it; gives what that said. */
async function openElsewhere(path: string): Promise<string> {
  const index = new URL("../../src/index.ts", import.meta.url).href;
  const script = `const { openSpool } = await import(${JSON.stringify(index)});
    await openSpool({ folder: process.argv[1] }).then((spool) => spool.close(), (error) => console.log(error.message));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script, path]);
  return stdout;
}

test("opened with less room than is taken, it serves what is kept, and takes no more until there is room", async () => {
  const path = mkdtempSync(join(folder.path, "spool-"));
  let spool = await openSpool({ folder: path, maxBytes: 1000 * KB });
  await make(spool, "a", 400 * KB);
  await make(spool, "b", 300 * KB);
  await spool.close();

  spool = await openSpool({ folder: path, maxBytes: 500 * KB });
  expect(spool.usedBytes).toBe(700 * KB);
  expect(await make(spool, "a", 0)).toEqual({ status: 200, text: "a".repeat(400 * KB) });
  expect(await make(spool, "b", 0)).toEqual({ status: 200, text: "b".repeat(300 * KB) });
  expect((await make(spool, "c", 1)).status).toBe(507);
  expect(spool.list()).toHaveLength(2);

  const kept = (key: string): SpooledBody => spool.list().find(({ record }) => record.key === `body ${key}`)!;
  await spool.remove(kept("a"));
  expect(spool.usedBytes).toBe(300 * KB);
  expect(await make(spool, "c", 200 * KB)).toEqual({ status: 200, text: "c".repeat(200 * KB) });
  expect((await make(spool, "d", 1)).status).toBe(507);
  await spool.remove(kept("b"));
  // Whoever reads it sees it break, or comes later.
  await make(spool, "e", 400 * KB).catch(() => {});
  await kept("e").ended;
  expect(kept("e").record).toMatchObject({ state: "failed", failure: { status: 507 } });
  expect(spool.usedBytes).toBe(200 * KB);
  expect(await make(spool, "c", 0)).toEqual({ status: 200, text: "c".repeat(200 * KB) });
  await spool.close();
});

test("a folder that cannot be looked through is given back", async () => {
  const path = mkdtempSync(join(folder.path, "spool-"));
  const spool = await openSpool({ folder: path });
  await make(spool, "a", KB);
  await spool.close();
  // What is named like the bytes of a body cannot be removed like them.
  const obstacle = join(path, `${"0".repeat(32)}.data`);
  mkdirSync(obstacle);
  await expect(openSpool({ folder: path })).rejects.toMatchObject({ code: "ERR_FS_EISDIR" });
  rmdirSync(obstacle);
  expect(await openElsewhere(path)).toBe("");
  const again = await openSpool({ folder: path });
  expect(await openElsewhere(path)).toContain(`in use by the process ${process.pid}`);
  expect(await make(again, "a", 0)).toEqual({ status: 200, text: "a".repeat(KB) });
  await again.close();
});
