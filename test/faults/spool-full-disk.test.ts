import { mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type Spool, type SpooledBody, type SpooledSource, openSpool, rowsResponse, spooled } from "sluice";
import { sqlite } from "sluice/databases/sqlite";
import { afterAll, expect, test } from "vitest";
import { curl } from "../helpers/curl.ts";
import { watchReports } from "../helpers/reports.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { readSome, startRig } from "../representation/spool-rig.ts";
import { ENDLESS_ROWS, makeDatabase } from "../rows/support.ts";
import { startChild } from "./support/child.ts";
import { Connection, get } from "./support/connection.ts";
import { until, within } from "./support/deadline.ts";
import { skip } from "./support/scale.ts";
import { PAGE_BYTES, SmallDisk, detachDisks, runTool } from "./support/small-disk.ts";

const MIB = 2 ** 20;
/** More than a connection takes for a reader who sleeps. */
const DISK_BYTES = 24 * MIB;
const BLOCK = Buffer.alloc(MIB, "0123456789abcdef");
const HALVES = new URL("servers/spooled-halves.ts", import.meta.url);
const folder = temporaryFolder();
const reports = watchReports();
afterAll(detachDisks);

/** A test with a disk of its own. */
function testOnDisk(title: string, run: (disk: SmallDisk) => Promise<void>): void {
  test(title, async (context) => {
    const mounted = SmallDisk.mount(folder.path, DISK_BYTES);
    if (typeof mounted === "string") return skip(context, mounted);
    await using disk = mounted;
    await run(disk);
  });
}

/** Begins a run, as its first address does. @returns asks for it */
async function begin(spool: Spool, key: string, source: SpooledSource): Promise<() => Promise<Response>> {
  const handler = spooled(key, source, { spool });
  const { status, headers } = await handler(new Request(`http://host/${key}`));
  expect(status).toBe(303);
  const url = new URL(headers.get("Location")!, `http://host/${key}`);
  return () => handler(new Request(url));
}

function* endless(): Generator<Buffer> {
  for (;;) yield BLOCK;
}

function bodyOf(spool: Spool, key: string): SpooledBody {
  return spool.list().find(({ record }) => record.key === `body ${key}`)!;
}

/** The folder of the only spool on a disk. */
function spoolFolder(disk: SmallDisk): string {
  return join(
    disk.path,
    readdirSync(disk.path).find((name) => name.startsWith("spool-"))!,
  );
}

/** What is on the disk of a run. */
function recorded(disk: SmallDisk, id: string): { state: string; failure?: { status: number } } {
  return JSON.parse(readFileSync(join(spoolFolder(disk), `${id}.json`), "utf8"));
}

/** What was said to those who run the server, in any case. */
function takeFullDisk(): void {
  const [first] = reports.takeAll();
  expect(first).toMatchObject({ code: "SOURCE_FAILED", error: { code: "ENOSPC" } });
}

testOnDisk("a disk that fills up in the middle of a run breaks its readers, and nobody else's", async (disk) => {
  await using rig = await startRig(disk.path);
  const kept = await begin(rig.spool, "kept", () => ["kept"]);
  await bodyOf(rig.spool, "kept").ended;
  const goOn = Promise.withResolvers<void>();
  const other = await begin(rig.spool, "other", async function* () {
    yield "one, ";
    await goOn.promise;
    yield "two";
  });
  const otherReading = await readSome(await other(), 5);
  const { freeBytes } = disk;

  const url = await rig.run();
  const body = bodyOf(rig.spool, "body");
  const fetching = fetch(url).then((response) => response.arrayBuffer());
  fetching.catch(() => {});
  const curled = curl(url);
  let blocks = 0;
  while (body.record.state === "writing") {
    rig.fed.give(BLOCK);
    blocks++;
    await until(() => body.length >= blocks * MIB || body.record.state === "failed", "a block, or the end");
  }
  expect(blocks * MIB).toBeGreaterThan(freeBytes);
  await expect(within(fetching, "the end of what is fetched")).rejects.toThrow("terminated");
  const { exitCode, body: received } = await curled;
  expect(exitCode).toBe(18);
  expect(received.equals(Buffer.alloc(received.byteLength, BLOCK))).toBe(true);
  await body.ended;
  takeFullDisk();

  expect(rig.fed.cancelled).toMatchObject({ code: "ENOSPC" });
  expect(body.record.state).toBe("failed");
  const later = await fetch(url);
  expect([500, 507]).toContain(later.status);
  expect(await later.text()).not.toMatch(/ENOSPC|spool-/u);
  // What is left are records.
  expect(readdirSync(spoolFolder(disk)).filter((name) => name.endsWith(".data"))).toHaveLength(2);
  await until(() => disk.freeBytes >= freeBytes - 4 * PAGE_BYTES, "the space");

  goOn.resolve();
  expect(await otherReading.rest()).toBe("two");
  expect(await (await kept()).text()).toBe("kept");
  const again = fetch(rig.url);
  rig.fed.give(BLOCK);
  rig.fed.end();
  expect((await (await again).arrayBuffer()).byteLength).toBe(MIB);
  expect(rig.fed.runs).toBe(2);
});

testOnDisk(
  "the space of a run that has failed is free, and its record says so, though a reader sleeps",
  async (disk) => {
    await using rig = await startRig(disk.path);
    const { freeBytes } = disk;
    rig.fed.give(BLOCK);
    const { pathname, search } = new URL(await rig.run());
    const body = bodyOf(rig.spool, "body");
    using sleeper = await Connection.open(Number(new URL(rig.url).port), get(pathname + search));
    await sleeper.receives(1000);
    sleeper.pause();
    rig.fed.give(...Array.from({ length: DISK_BYTES / MIB }, () => BLOCK));
    await within(body.ended, "the end");
    takeFullDisk();
    expect(body.readers).toBe(1);
    expect.soft(disk.freeBytes, "while it sleeps").toBeGreaterThanOrEqual(freeBytes - PAGE_BYTES);
    expect.soft(recorded(disk, body.record.id).state, "on the disk").toBe("failed");
    sleeper.resume();
    await until(() => sleeper.ended, "the reader's end");
    expect(sleeper.bytes.subarray(-5).toString()).not.toBe("0\r\n\r\n");
    expect(reports.takeAll()).toMatchObject([{ code: "SOURCE_FAILED", message: "The source of a response failed" }]);
  },
);

testOnDisk("a run whose bytes find room, but not the record that says so, has failed", async (disk) => {
  // Nothing else is made of it.
  await using rig = await startRig(disk.path, { mediaType: "application/octet-stream" });
  rig.fed.give(BLOCK);
  const url = await rig.run();
  const body = bodyOf(rig.spool, "body");
  const reading = await readSome(await fetch(url), MIB);
  disk.fill(MIB);
  rig.fed.give(BLOCK);
  await until(() => body.length === 2 * MIB, "all that is written");
  expect(disk.freeBytes).toBe(0);
  rig.fed.end();
  await expect(within(reading.rest(), "the end")).rejects.toThrow("terminated");
  await body.ended;
  takeFullDisk();
  expect([500, 507]).toContain((await fetch(url)).status);
  expect(readdirSync(spoolFolder(disk))).not.toContain(`${body.record.id}.data`);
});

for (const [what, fill] of [
  ["bytes", (disk: SmallDisk) => disk.fill()],
  ["files", (disk: SmallDisk) => disk.fillWithFiles()],
] as const) {
  testOnDisk(`where the disk has no room for more ${what}, a run is 507 before anything is made`, async (disk) => {
    await using rig = await startRig(disk.path);
    await using database = destroyed(sqlite(makeDatabase(join(folder.path, `${what}.db`), "CREATE TABLE t (i)")));
    fill(disk);
    const refused = await curl(rig.url, "-L");
    expect([refused.exitCode, refused.status, JSON.parse(refused.body.toString())]).toEqual([
      0,
      507,
      { status: 507, title: "Insufficient Storage", detail: "The spool's disk is full" },
    ]);
    expect([rig.fed.runs, rig.spool.list()]).toEqual([0, []]);
    const rows = await rowsResponse(new Request("http://host/t.csv"), database.query(ENDLESS_ROWS), {
      resumable: true,
      spool: rig.spool,
    });
    expect(rows.status).toBe(507);
    await until(() => database.stats().running === 0, "the end of the query");
    expect(readdirSync(spoolFolder(disk))).toEqual(["owner"]);
    disk.empty();
    rig.fed.give("there is room");
    rig.fed.end();
    expect(await (await fetch(rig.url)).text()).toBe("there is room");
  });
}

testOnDisk(
  "after kill -9 on a disk that is full: what is whole is served, the rest gives its space back",
  async (disk) => {
    const path = mkdtempSync(join(disk.path, "spool-"));
    {
      await using child = await startChild(HALVES, { argument: { folder: path, key: "whole", bytes: 4 * MIB } });
      await fetch(child.url, { redirect: "manual" });
      await until(async () => (await child.ask("length")) === 2 * MIB, "the first half");
      await child.ask("goOn");
      await until(async () => (await child.ask("state")) === "finished", "the end");
    }
    await using cut = await startChild(HALVES, { argument: { folder: path, key: "cut", bytes: 6 * MIB } });
    await fetch(cut.url, { redirect: "manual" });
    await until(async () => (await cut.ask("length")) === 3 * MIB, "the first half");
    disk.fill();
    await cut[Symbol.asyncDispose]();
    await using spool = closed(await openSpool({ folder: path }));
    expect(bodyOf(spool, "cut").record).toMatchObject({ state: "failed", failure: { status: 410 } });
    expect(bodyOf(spool, "whole").record.state).toBe("finished");
    expect(disk.freeBytes).toBeGreaterThan(2 * MIB);
    const whole = await begin(spool, "whole", () => []);
    expect((await (await whole()).arrayBuffer()).byteLength).toBe(4 * MIB);
    const fits = await begin(spool, "cut", () => [BLOCK]);
    expect((await (await fits()).arrayBuffer()).byteLength).toBe(MIB);
  },
);

testOnDisk("a spool is opened again on a disk that is full, and what is finished is served", async (disk) => {
  const path = mkdtempSync(join(disk.path, "spool-"));
  {
    await using spool = closed(await openSpool({ folder: path }));
    await begin(spool, "kept", () => [BLOCK]);
    await begin(spool, "failed", endless);
    await Promise.all(spool.list().map(({ ended }) => ended));
    takeFullDisk();
    await until(() => disk.freeBytes > DISK_BYTES - 2 * MIB, "the space");
  }
  disk.fill();
  await using spool = closed(await openSpool({ folder: path }));
  expect(["kept", "failed"].map((key) => bodyOf(spool, key).record.state)).toEqual(["finished", "failed"]);
  const kept = await begin(spool, "kept", () => []);
  expect((await (await kept()).arrayBuffer()).byteLength).toBe(MIB);
});

test("a file that may not become larger (EFBIG) fails its run alone", async (context) => {
  await using child = await startChild(HALVES, {
    argument: { folder: mkdtempSync(join(folder.path, "spool-")), key: "large", bytes: 8 * MIB },
  });
  // The soft limit, which can be raised again.
  const limit = (bytes: number | "unlimited"): string | undefined =>
    runTool("prlimit", "--pid", String(child.process.pid), `--fsize=${bytes}:`);
  const refused = limit(5 * MIB);
  if (refused !== undefined) return skip(context, `no process could be limited: ${refused}`);
  const first = await fetch(child.url, { redirect: "manual" });
  const url = new URL(first.headers.get("Location")!, child.url).href;
  const reading = await readSome(await fetch(url), 4 * MIB);
  const curled = curl(url);
  await until(async () => (await child.ask("readers")) === 2, "both readers");
  await child.ask("goOn");
  await expect(within(reading.rest(), "the end")).rejects.toThrow("terminated");
  expect((await curled).exitCode).toBe(18);
  expect([500, 507]).toContain((await fetch(url)).status);
  expect(await child.ask("state")).toBe("failed");
  await until(() => child.stderr.includes("EFBIG"), "the warning");
  limit("unlimited");
  expect((await (await fetch(child.url)).arrayBuffer()).byteLength).toBe(8 * MIB);
});

function closed(spool: Spool): Spool & AsyncDisposable {
  return Object.assign(spool, { [Symbol.asyncDispose]: () => spool.close() });
}

function destroyed<T extends { destroy(): Promise<void> }>(database: T): T & AsyncDisposable {
  return Object.assign(database, { [Symbol.asyncDispose]: () => database.destroy() });
}
