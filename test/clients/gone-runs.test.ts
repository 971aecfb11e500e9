import { rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { GetProcess } from "../client/run-get.ts";
import { until } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { MIB } from "./support/big-file.ts";
import { BEGUN, FAILURE, GrowingDownload, OTHER, WHOLE, toItsEnd, toTheEnd } from "./support/growing-download.ts";
import { ARIA2, CURL, DOWNLOADERS, type Downloader, WGET, isHere } from "./support/programs.ts";

/**
 * What happens to a download whose run is gone. The programs do not say of which run they have the beginning (If-Range): on the
 * first address they are told that there is none to go on with, and nobody can know where another one is there.
 */
const folder = temporaryFolder();
watchReports();
const start = (downloader: Downloader): Promise<GrowingDownload> => GrowingDownload.start(downloader, folder.path);
/** The beginning of a run, and the rest of another one. */
const mixed = (had: number): string => WHOLE.slice(0, had) + OTHER.slice(had);
/** What aria2 counts in. */
const PIECE_BYTES = 16_384;
/** The exit codes of curl and wget on the first address, where no run is there. */
const NOTHING_THERE = new Map([
  [CURL, 33],
  [WGET, 8],
]);

/** How it comes that there is a beginning, and no run. */
const WITHOUT_A_RUN: [state: string, leave: (download: GrowingDownload) => Promise<unknown>][] = [
  ["is gone", async (download) => [await download.begin(), await download.remove()]],
  [
    "has failed",
    async (download) => {
      download.rig.fed.give(BEGUN);
      const failing = download.call();
      await download.has(BEGUN.length);
      download.rig.fed.end(FAILURE);
      expect((await failing.done).exitCode).not.toBe(0);
    },
  ],
  ["never was", async (download) => writeFileSync(download.file, BEGUN)],
];

describe.each([CURL, WGET])("$program on the first address", (downloader) => {
  const missing = !isHere(downloader);

  test.skipIf(missing).each(WITHOUT_A_RUN)(
    "leaves its file alone where the run %s, makes none, and begins anew without the file",
    async (_state, leave) => {
      await using download = await start(downloader);
      await leave(download);
      download.tap.forget();
      const begun = download.content();
      const { fed, spool } = download.rig;
      const before = [fed.runs, spool.list().length];
      fed.give(OTHER);
      fed.end();
      expect(await download.call().done).toMatchObject({ exitCode: NOTHING_THERE.get(downloader) });
      expect(download.content()).toBe(begun);
      expect(download.said).toEqual([`first bytes=${begun.length}- 409`]);
      expect([fed.runs, spool.list().length]).toEqual(before);
      rmSync(download.file);
      expect(await download.call().done).toMatchObject({ exitCode: 0 });
      expect(download.content()).toBe(OTHER);
      expect(fed.runs).toBe(before[0]! + 1);
    },
  );

  test.skipIf(missing).each(["made", "finished"])(
    "joins two runs, where its own is gone and another is %s",
    async (state) => {
      await using download = await start(downloader);
      const had = await download.begin();
      await download.replace();
      if (state === "finished") {
        download.rig.fed.end();
        await download.finished();
      }
      const call = download.call();
      await download.answered(2);
      if (state === "made") download.rig.fed.end();
      expect(await call.done).toMatchObject({ exitCode: 0 });
      expect(download.content()).toBe(mixed(had));
      expect(download.said[1]).toBe(`own bytes=${had}- 206 ${state === "made" ? toTheEnd(had) : toItsEnd(had)}`);
    },
  );

  test.skipIf(missing)("takes what it has for all of a run that is shorter", async () => {
    await using download = await start(downloader);
    const had = await download.begin();
    await download.replace(OTHER.slice(0, 1000));
    download.rig.fed.end();
    await download.finished();
    expect(await download.call().done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE.slice(0, had));
    expect(download.said[1]).toBe(`own bytes=${had}- 416 bytes */1000`);
  });
});

/** The exit codes where the run is gone, and where it has failed. */
const EXIT_CODES = new Map([
  [CURL, [33, 33]],
  [WGET, [8, 8]],
  [ARIA2, [3, 29]],
]);

describe.each(DOWNLOADERS)("$program on a run's own address", (downloader) => {
  const missing = !isHere(downloader);
  const [gone, failed] = EXIT_CODES.get(downloader)!;
  const range = (had: number): string => (downloader === ARIA2 ? "all" : `bytes=${had}-`);

  test.skipIf(missing)("leaves its file alone where the run is gone, and fails", async () => {
    await using download = await start(downloader);
    const had = await download.begin();
    const own = await download.ownUrl();
    await download.replace();
    expect(await download.callAt(own).done).toMatchObject({ exitCode: gone });
    expect(download.content()).toBe(WHOLE.slice(0, had));
    expect(download.said).toEqual([`own ${range(had)} 404`]);
  });

  test.skipIf(missing)("leaves its file alone where the run has failed, and fails", async () => {
    await using download = await start(downloader);
    const had = await download.begin();
    const own = await download.ownUrl();
    download.rig.fed.end(FAILURE);
    await download.rig.spool.list()[0]!.ended;
    expect(await download.callAt(own).done).toMatchObject({ exitCode: failed });
    expect(download.content()).toBe(WHOLE.slice(0, had));
    expect(download.said).toEqual([`own ${range(had)} 502`]);
  });
});

describe.skipIf(!isHere(CURL))("curl", () => {
  test.each(["own", "first"])(
    "that is told to fail, fails with another code where the run is gone (%s address)",
    async (address) => {
      await using download = await start(CURL);
      const had = await download.begin();
      const own = await download.ownUrl();
      await download.remove();
      expect(await download.callAt(address === "own" ? own : download.url, "-f").done).toMatchObject({ exitCode: 22 });
      expect(download.content()).toBe(WHOLE.slice(0, had));
      expect(download.rig.fed.runs).toBe(1);
    },
  );

  test("that is told to send If-Range leaves its file alone where there is another run, and fails", async () => {
    await using download = await start(CURL);
    const had = await download.begin();
    const tag = `If-Range: "${new URL(await download.ownUrl()).searchParams.get("run")}"`;
    await download.replace();
    download.rig.fed.end();
    expect(await download.call("-H", tag).done).toMatchObject({ exitCode: 33 });
    expect(download.content()).toBe(WHOLE.slice(0, had));
  });
});

describe.skipIf(!isHere(ARIA2))("aria2c on the first address", () => {
  test("joins two runs, where its own is gone and another has finished, finds that by the digest, and fails", async () => {
    await using download = await start(ARIA2);
    const had = await download.begin();
    await download.replace();
    download.rig.fed.end();
    await download.finished();
    expect(await download.call().done).toMatchObject({ exitCode: 32 });
    expect(download.content()).toBe(mixed(had - (had % PIECE_BYTES)));
    // It has noted that nothing of it is right.
    expect(await download.call().done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(OTHER);
  });

  test("makes another run where none is there, and downloads it into a second file", async () => {
    await using download = await start(ARIA2);
    const had = await download.begin();
    await download.remove();
    download.rig.fed.give(OTHER);
    const call = download.call();
    await download.answered(2);
    download.rig.fed.end();
    expect(await call.done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE.slice(0, had));
    expect(download.content(download.renamed)).toBe(OTHER);
    expect(download.rig.fed.runs).toBe(2);
  });
});

test.each(["has finished", "it makes itself"])(
  "sluice get has all of another run, which %s, where its own is gone",
  async (which) => {
    await using download = await start(CURL);
    const name = basename(download.file);
    const get = (): GetProcess => new GetProcess(dirname(download.file), download.url, "-o", name, "--force");
    // It writes a MiB at a time.
    download.rig.fed.give(Buffer.alloc(2 * MIB, "x"));
    await using killed = get();
    await until(() => (statSync(`${download.file}.part`, { throwIfNoEntry: false })?.size ?? 0) > 0, "a beginning");
    killed.child.kill("SIGKILL");
    await killed.end();
    const had = statSync(`${download.file}.part`).size;
    await download.remove();
    download.tap.forget();
    download.rig.fed.give(OTHER);
    if (which === "has finished") {
      download.rig.fed.end();
      await download.finished();
    }
    await using again = get();
    await download.answered(2);
    download.rig.fed.end();
    expect([await again.end(), again.stderr]).toEqual([0, again.stderr]);
    expect(download.content()).toBe(OTHER);
    const how = which === "has finished" ? "200" : "200 chunked";
    expect(download.said).toEqual([`first bytes=${had}- 303`, `own bytes=${had}- ${how}`]);
    expect(download.tap.exchanges.every(({ request }) => "if-range" in request)).toBe(true);
  },
);
