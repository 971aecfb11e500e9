import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type FileInit, HttpError, directory, fileResponse } from "sluice";
import { type RunningServer, serve } from "sluice/node";
import { expect, test } from "vitest";
import { curl } from "../helpers/curl.ts";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { openDescriptors, temporaryFolder } from "../helpers/temporary.ts";
import { readSome, startRig } from "../representation/spool-rig.ts";

const folder = temporaryFolder();
const reports = watchReports();

interface Rig extends AsyncDisposable {
  readonly path: string;
  readonly url: string;
}

async function start(content: string, follow: FileInit["follow"] = {}): Promise<Rig> {
  const path = join(mkdtempSync(join(folder.path, "followed-")), "app.log");
  writeFileSync(path, content);
  const server: RunningServer = await serve((request) => fileResponse(request, path, { follow }), { port: 0 });
  return { path, url: server.url, [Symbol.asyncDispose]: () => server.destroy() };
}

test("sends what there is, then what is appended", async () => {
  await using rig = await start("one\n");
  const leaving = new AbortController();
  const response = await fetch(rig.url, { signal: leaving.signal });
  expect(response.headers.get("Cache-Control")).toBe("no-store, no-transform");
  const first = await readSome(response, 4);
  expect(first.text).toBe("one\n");
  const rest = first.rest().catch((error: unknown) => error);
  appendFileSync(rig.path, "two\n");
  const second = await readSome(await fetch(rig.url, { headers: { Range: "bytes=4-" } }), 4);
  expect(second.text).toBe("two\n");
  leaving.abort();
  expect(await within(rest, "the reader's end")).toMatchObject({ name: "AbortError" });
});

test("until a function says that its writer has finished", async () => {
  let finished = false;
  await using rig = await start("one\n", { until: () => finished });
  const reading = await readSome(await fetch(rig.url), 4);
  appendFileSync(rig.path, "two\n");
  finished = true;
  appendFileSync(rig.path, "three\n");
  expect(await within(reading.rest(), "the end")).toBe("two\nthree\n");
  await until(() => openDescriptors(rig.path) === 0, "the file's closing");
});

test("until a run has its end, which it shares", async () => {
  await using run = await startRig(folder.path);
  const body = async () => {
    await run.run();
    return run.spool.list()[0]!;
  };
  {
    await using rig = await start("begun\n", { until: await body() });
    const reading = await readSome(await fetch(rig.url), 6);
    appendFileSync(rig.path, "done\n");
    run.fed.end();
    expect(await within(reading.rest(), "the end")).toBe("done\n");
  }
  await run.spool.remove(run.spool.list()[0]!);
  await using rig = await start("begun\n", { until: await body() });
  const reading = await readSome(await fetch(rig.url), 6);
  run.fed.end(new HttpError(502, "Gone wrong"));
  await expect(within(reading.rest(), "the end")).rejects.toThrow("terminated");
});

test("until a file is there", async () => {
  const marker = join(folder.path, "done");
  await using rig = await start("one\n", { until: marker });
  const reading = await readSome(await fetch(rig.url), 4);
  appendFileSync(rig.path, "last\n");
  writeFileSync(marker, "");
  expect(await within(reading.rest(), "the end")).toBe("last\n");
  expect((await curl(rig.url)).body.toString()).toBe("one\nlast\n");
  expect((await fetch(rig.url, { headers: { Range: "bytes=4-7" } })).status).toBe(206);
});

test.each<[how: string, change: (path: string) => void]>([
  ["becomes shorter", (path) => truncateSync(path, 2)],
  ["is removed", (path) => rmSync(path)],
  [
    "is rotated",
    (path) => {
      renameSync(path, `${path}.1`);
      writeFileSync(path, "another\n");
    },
  ],
])("a file that %s ends visibly broken", async (_how, change) => {
  await using rig = await start("one\n");
  const reading = await readSome(await fetch(rig.url), 4);
  change(rig.path);
  await expect(within(reading.rest(), "the end")).rejects.toThrow("terminated");
  expect(reports.takeAll()).toMatchObject([{ error: { code: "ERR_FILE_CHANGED" } }]);
  await until(() => openDescriptors(rig.path) === 0, "the file's closing");
});

test("what was appended before it was rotated is still sent", async () => {
  await using rig = await start("one\n");
  const response = await fetch(rig.url);
  const reading = await readSome(response, 4);
  appendFileSync(rig.path, "two\n");
  renameSync(rig.path, `${rig.path}.1`);
  await expect(within(reading.rest(), "the end")).rejects.toThrow("terminated");
  expect(reading.all()).toBe("one\ntwo\n");
  reports.takeAll();
});

test("two hundred who follow share one open file, and all get what is appended", { timeout: 60_000 }, async () => {
  await using rig = await start("");
  const leaving = new AbortController();
  const readers = await Promise.all(
    Array.from({ length: 200 }, async () => fetch(rig.url, { signal: leaving.signal })),
  );
  expect(openDescriptors(rig.path)).toBe(1);
  const readings = readers.map((response) => readSome(response, 6));
  appendFileSync(rig.path, "line 1");
  for (const { text } of await within(Promise.all(readings), "the line at all of them")) expect(text).toBe("line 1");
  leaving.abort();
  await until(() => openDescriptors(rig.path) === 0, "the file's closing");
});

test("?follow=1 of a folder's file, where the folder allows it", async () => {
  const root = mkdtempSync(join(folder.path, "folder-"));
  writeFileSync(join(root, "app.log"), "one\n");
  await using server = await serve(directory(root, { follow: true }), { port: 0 });
  const reading = await readSome(await fetch(`${server.url}/app.log?follow=1`), 4);
  appendFileSync(join(root, "app.log"), "two\n");
  const more = await readSome(await fetch(`${server.url}/app.log?follow=1`), 8);
  expect([reading.text, more.text]).toEqual(["one\n", "one\ntwo\n"]);
  expect(await (await fetch(`${server.url}/app.log`)).text()).toBe(readFileSync(join(root, "app.log"), "utf8"));
  await server.destroy();
});
