import { execFile } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import type { SpooledInit } from "sluice";
import { describe, expect, test } from "vitest";
import { until } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import {
  BEGUN,
  FAILURE,
  GrowingDownload,
  LENGTH,
  MORE,
  WHOLE,
  toItsEnd,
  toTheEnd,
} from "./support/growing-download.ts";
import { ARIA2, CURL, DOWNLOADERS, type Downloader, WGET, isHere } from "./support/programs.ts";

/**
 * What programs do with a run that is made while they read it. Much of it is not as one would wish; it is written down here so
 * that a change is noticed, of the programs or of what is sent to them. Measured with curl 7.88.1, wget 1.21.3, aria2 1.36.0.
 */
const folder = temporaryFolder();
watchReports();
const start = (downloader: Downloader, init?: SpooledInit): Promise<GrowingDownload> =>
  GrowingDownload.start(downloader, folder.path, init);
const CUTS = ["reset", "end"] as const;

describe.each(DOWNLOADERS)("$program", (downloader) => {
  const missing = !isHere(downloader);

  test.skipIf(missing)("has a run at its end that it began to read while it was made", async () => {
    await using download = await start(downloader);
    download.rig.fed.give(BEGUN);
    const call = download.call();
    await download.has(BEGUN.length);
    download.rig.fed.give(MORE);
    download.finish();
    expect(await call.done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
    expect(download.said).toEqual(["first all 303", "own all 200 chunked"]);
  });

  test.skipIf(missing).each(["/body", "/of/a/year/body.csv?year=2026", "/folder/", "/", "/a:b"])(
    "finds the run's own address, also under %s",
    async (target) => {
      await using download = await start(downloader);
      download.rig.fed.give(WHOLE);
      download.rig.fed.end();
      expect(await download.callAt(download.tap.url + target).done).toMatchObject({ exitCode: 0 });
      const own = `${target}${target.includes("?") ? "&" : "?"}run=${download.rig.spool.list()[0]!.record.id}`;
      expect(download.tap.exchanges.map((each) => each.target)).toEqual([target, own]);
      expect(download.content()).toBe(WHOLE);
    },
  );

  test.skipIf(missing)("asks for no more where all of a finished run is there, and says that all is well", async () => {
    await using download = await start(downloader);
    download.rig.fed.give(WHOLE);
    download.rig.fed.end();
    await download.finished();
    writeFileSync(download.file, WHOLE);
    expect(await download.call().done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
    const asked =
      downloader === ARIA2
        ? ["all 303", "all 200"]
        : [`bytes=${LENGTH}- 303`, `bytes=${LENGTH}- 416 bytes */${LENGTH}`];
    expect(download.said).toEqual([`first ${asked[0]}`, `own ${asked[1]}`]);
  });
});

describe.each([CURL, WGET])("$program -C -, -c", (downloader) => {
  const missing = !isHere(downloader);

  test.skipIf(missing)("goes on with a run that is still being made", async () => {
    await using download = await start(downloader);
    const had = await download.begin();
    download.rig.fed.give(MORE);
    const call = download.call();
    await download.answered(2);
    download.finish();
    expect(await call.done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
    // wget was told of very many bytes: it asks whether there are more.
    const last = downloader === WGET ? [`own bytes=${LENGTH}- 416 bytes */${LENGTH}`] : [];
    expect(download.said).toEqual([`first bytes=${had}- 303`, `own bytes=${had}- 206 ${toTheEnd(had)}`, ...last]);
    expect(download.tap.exchanges.filter(({ request }) => "if-range" in request)).toEqual([]);
  });

  test.skipIf(missing)("goes on with a run that has finished meanwhile", async () => {
    await using download = await start(downloader);
    const had = await download.begin();
    download.rig.fed.give(MORE);
    download.finish();
    await download.finished();
    expect(await download.call().done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
    expect(download.said).toEqual([`first bytes=${had}- 303`, `own bytes=${had}- 206 ${toItsEnd(had)}`]);
  });

  test.skipIf(missing)("waits for the end where all is there, and is told that there is no more", async () => {
    await using download = await start(downloader);
    download.rig.fed.give(WHOLE);
    await download.rig.run();
    writeFileSync(download.file, WHOLE);
    const call = download.call();
    await until(() => download.rig.spool.list()[0]?.readers === 1, "the reader");
    expect(download.said).toEqual([`first bytes=${LENGTH}- 303`, `own bytes=${LENGTH}- 0`]);
    download.rig.fed.end();
    expect(await call.done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
    expect(download.said[1]).toBe(`own bytes=${LENGTH}- 416 bytes */${LENGTH}`);
  });

  test.skipIf(missing)("takes no byte for the rest where the end comes after the head", async () => {
    await using download = await start(downloader, { commitAfterMs: 50 });
    download.rig.fed.give(WHOLE);
    await download.rig.run();
    writeFileSync(download.file, WHOLE);
    const call = download.call();
    await download.answered(2);
    download.rig.fed.end();
    expect(await call.done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
    expect(download.said[1]).toBe(`own bytes=${LENGTH}- 206 ${toTheEnd(LENGTH)}`);
  });
});

describe.skipIf(!isHere(CURL))("curl", () => {
  test("tells the run's own address", async () => {
    await using download = await start(CURL);
    const { stdout } = await promisify(execFile)("curl", [
      "-s",
      "-o",
      "/dev/null",
      "-w",
      "%{redirect_url}",
      download.url,
    ]);
    expect(stdout).toBe(await download.ownUrl());
    expect(download.rig.fed.runs).toBe(1);
    const call = download.callAt(stdout, "-f");
    download.rig.fed.give(BEGUN, MORE);
    download.finish();
    expect(await call.done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
  });

  test("goes on with the bytes as they are where it took them compressed", async () => {
    await using download = await start(CURL);
    download.rig.fed.give(BEGUN);
    const killed = download.call("--compressed");
    await until(() => (statSync(download.file, { throwIfNoEntry: false })?.size ?? 0) > 0, "a beginning");
    killed.kill();
    await killed.done;
    expect(download.tap.exchanges[1]!.answer).toHaveProperty("content-encoding");
    const had = statSync(download.file).size;
    download.tap.forget();
    download.rig.fed.give(MORE);
    const call = download.call("--compressed");
    await download.answered(2);
    download.finish();
    expect(await call.done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
    expect(download.said[1]).toBe(`own bytes=${had}- 206 ${toTheEnd(had)}`);
    expect(download.tap.exchanges[1]!.answer).not.toHaveProperty("content-encoding");
  });

  test("takes it for a failure that there is no more, where it is told to fail", async () => {
    await using download = await start(CURL);
    download.rig.fed.give(WHOLE);
    download.rig.fed.end();
    await download.finished();
    writeFileSync(download.file, WHOLE);
    expect(await download.call("-f").done).toMatchObject({ exitCode: 22 });
    expect(download.content()).toBe(WHOLE);
  });

  test.each(["begun", "gone on with"])("fails where the source does, in a download that was %s", async (how) => {
    await using download = await start(CURL);
    if (how === "begun") download.rig.fed.give(BEGUN);
    else await download.begin();
    download.rig.fed.give(MORE);
    const call = download.call();
    await download.has(BEGUN.length + MORE.length);
    download.rig.fed.end(FAILURE);
    expect(await call.done).toMatchObject({ exitCode: 18 });
    expect(download.content()).toBe(BEGUN + MORE);
    expect(download.said).toHaveLength(2);
  });

  test.each(CUTS)("goes back to where this call of it began, when its connection is cut (%s)", async (how) => {
    await using download = await start(CURL);
    const had = await download.begin();
    download.rig.fed.give(MORE);
    const call = download.call("--retry", "2", "--retry-all-errors", "--retry-delay", "1");
    await download.has(BEGUN.length + MORE.length);
    download.tap.cut(how);
    await download.answered(4);
    download.finish();
    expect(await call.done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
    const asked = [`first bytes=${had}- 303`, `own bytes=${had}- 206 ${toTheEnd(had)}`];
    expect(download.said).toEqual([...asked, ...asked]);
  });

  test.each([
    ["reset", 56],
    ["end", 18],
  ] as const)("fails when its connection is cut, and goes on when it is called again (%s)", async (how, exitCode) => {
    await using download = await start(CURL);
    download.rig.fed.give(BEGUN);
    const broken = download.call();
    await download.has(BEGUN.length);
    download.tap.cut(how);
    expect(await broken.done).toMatchObject({ exitCode });
    const had = download.content().length;
    const call = download.call();
    download.rig.fed.give(MORE);
    await download.answered(4);
    download.finish();
    expect(await call.done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
    expect(download.said[3]).toBe(`own bytes=${had}- 206 ${toTheEnd(had)}`);
  });
});

describe.skipIf(!isHere(WGET))("wget", () => {
  test("fails with all of the run where it may not ask whether there is more", async () => {
    await using download = await start(WGET);
    await download.begin();
    download.rig.fed.give(MORE);
    const call = download.call("--tries=1");
    await download.answered(2);
    download.finish();
    expect(await call.done).toMatchObject({ exitCode: 4 });
    expect(download.content()).toBe(WHOLE);
  });

  test.each(["begun", "gone on with"])("fails where the source does, in a download that was %s", async (how) => {
    await using download = await start(WGET);
    if (how === "begun") download.rig.fed.give(BEGUN);
    else await download.begin();
    download.rig.fed.give(MORE);
    const call = download.call();
    const there = BEGUN.length + MORE.length;
    await download.has(there);
    download.rig.fed.end(FAILURE);
    expect(await call.done).toMatchObject({ exitCode: 8 });
    expect(download.content()).toBe(BEGUN + MORE);
    // It asks the run for the rest, and hears why there is none.
    expect(download.said.slice(2)).toEqual([`own bytes=${there}- 502`]);
  });

  test.each(CUTS)("goes on by itself, on the run's own address, when its connection is cut (%s)", async (how) => {
    await using download = await start(WGET);
    download.rig.fed.give(BEGUN);
    const call = download.call();
    await download.has(BEGUN.length);
    download.tap.cut(how);
    download.rig.fed.give(MORE);
    await download.answered(3);
    download.finish();
    expect(await call.done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
    expect(download.said).toEqual([
      "first all 303",
      "own all 200 chunked",
      `own bytes=${BEGUN.length}- 206 ${toTheEnd(BEGUN.length)}`,
      `own bytes=${LENGTH}- 416 bytes */${LENGTH}`,
    ]);
  });
});
