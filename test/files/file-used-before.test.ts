import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { directory } from "../../src/index.ts";
import type { RunningServer } from "../../src/node/index.ts";
import { until } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { ask, field, writeAt } from "./directory-support.ts";
import { openDescriptors, serveHere, temporaryFolder } from "./support.ts";

/** What a file has been until a moment ago says nothing of what it is now. */
watchReports();
const base = temporaryFolder();
const root = join(base, "root");
const path = join(root, "file.txt");
let server: RunningServer;

beforeAll(async () => {
  writeAt(base, "secret.txt", "secret");
  writeAt(root, "other.txt", "other");
  server = await serveHere(directory(root));
});
afterAll(() => server.destroy());
beforeEach(async () => {
  rmSync(path, { recursive: true, force: true });
  writeAt(root, "file.txt", "file");
  // Often, and just now.
  for (let round = 0; round < 5; round++) expect((await ask(server.port, "/file.txt")).body.toString()).toBe("file");
});
afterEach(() => until(() => openDescriptors(base) === 0, "closing every file", 1_000));

test.each<[what: string, change: () => void, status: number]>([
  ["is gone", () => {}, 404],
  ["is a pipe", () => execFileSync("mkfifo", [path]), 404],
  ["is a device", () => symlinkSync("/dev/zero", path), 404],
  ["leads out", () => symlinkSync("../secret.txt", path), 404],
  ["leads to itself", () => symlinkSync("file.txt", path), 404],
  ["is a folder", () => mkdirSync(path), 301],
  ["leads to another file", () => symlinkSync("other.txt", path), 200],
  ["is another file", () => renameSync(writeAt(root, "file.txt.new", "other"), path), 200],
])("a file that %s now is answered as that", async (_what, change, status) => {
  rmSync(path);
  change();
  // Six: an open that waits would stop every other.
  const answers = await Promise.all(Array.from({ length: 6 }, () => ask(server.port, "/file.txt")));
  for (const answer of answers) {
    expect(answer.status).toBe(status);
    if (status === 200) expect(answer.body.toString()).toBe("other");
    if (status === 404) expect(JSON.parse(answer.body.toString())).toEqual({ title: "Not Found", status: 404 });
  }
  expect((await ask(server.port, "/other.txt")).status).toBe(200);
});

test("a file that has grown large is sent whole, with a tag of its own", async () => {
  const before = field(await ask(server.port, "/file.txt"), "ETag");
  truncateSync(path, 5_000_000);
  const answer = await ask(server.port, "/file.txt");
  expect([answer.status, answer.body.length]).toEqual([200, 5_000_000]);
  expect(field(answer, "ETag")).not.toBe(before);
});

test("a root that is gone takes its files with it", async () => {
  const folder = join(base, "fleeting");
  writeAt(folder, "file.txt", "file");
  await using fleeting = await serveHere(directory(folder));
  for (let round = 0; round < 3; round++) expect((await ask(fleeting.port, "/file.txt")).status).toBe(200);
  renameSync(folder, `${folder}.moved`);
  expect((await ask(fleeting.port, "/file.txt")).status).toBe(404);
  symlinkSync("fleeting.moved", folder);
  expect((await ask(fleeting.port, "/file.txt")).body.toString()).toBe("file");
});
