import { describe, expect, test } from "vitest";
import { watchReports } from "../helpers/reports.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { BEGUN, FAILURE, GrowingDownload, LENGTH, MORE, OTHER, WHOLE, toItsEnd } from "./support/growing-download.ts";
import { ARIA2, isHere } from "./support/programs.ts";

/** What aria2 does alone: it goes on only with what has a length, and begins with the first address each time. */
const folder = temporaryFolder();
watchReports();
const start = (): Promise<GrowingDownload> => GrowingDownload.start(ARIA2, folder.path);
/** As it is asked for what is still being made. */
const WHILE_MADE = ["first all 303", "own all 200 chunked"];

describe.skipIf(!isHere(ARIA2))("aria2c", () => {
  test.each([
    ["into another file", [], 0, WHOLE.slice(0, BEGUN.length), WHOLE],
    ["anew", ["--allow-overwrite=true"], 0, WHOLE, undefined],
    ["not at all, and fails", ["--auto-file-renaming=false"], 13, WHOLE.slice(0, BEGUN.length), undefined],
  ])("downloads a run that is still being made %s: it does not go on", async (_how, options, exitCode, file, other) => {
    await using download = await start();
    expect(await download.begin()).toBe(BEGUN.length);
    download.rig.fed.give(MORE);
    const call = download.call(...options);
    await download.answered(2);
    download.finish();
    expect(await call.done).toMatchObject({ exitCode });
    expect(download.content()).toBe(file);
    if (other !== undefined) expect(download.content(download.renamed)).toBe(other);
    expect(download.said).toEqual(WHILE_MADE);
  });

  test("goes on with a run that has finished meanwhile", async () => {
    await using download = await start();
    const had = await download.begin();
    download.rig.fed.give(MORE);
    download.finish();
    await download.finished();
    expect(await download.call().done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
    // It breaks off the second answer when it has read the head, and counts in pieces.
    const first = had - (had % 16_384);
    expect(download.said).toEqual([
      "first all 303",
      "own all 200",
      `own bytes=${first}-${LENGTH - 1} 206 ${toItsEnd(first)}`,
    ]);
  });

  test("fails where the source does and it may try once", async () => {
    await using download = await start();
    download.rig.fed.give(BEGUN);
    const call = download.call("--max-tries=1");
    await download.has(BEGUN.length);
    download.rig.fed.end(FAILURE);
    expect(await call.done).toMatchObject({ exitCode: 1 });
    expect(download.content()).toBe(BEGUN);
  });

  test("makes the next run by itself where the source fails, and has all of that one", async () => {
    await using download = await start();
    download.rig.fed.give(BEGUN);
    const call = download.call();
    await download.has(BEGUN.length);
    download.rig.fed.end(FAILURE);
    download.rig.fed.give(OTHER.slice(0, BEGUN.length / 2));
    await download.answered(4);
    download.rig.fed.end();
    expect(await call.done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(OTHER.slice(0, BEGUN.length / 2));
    expect(download.said).toEqual([...WHILE_MADE, ...WHILE_MADE]);
    expect(download.rig.fed.runs).toBe(2);
  });

  test.each(["reset", "end"] as const)(
    "begins anew by itself, on the first address, when its connection is cut (%s)",
    async (how) => {
      await using download = await start();
      download.rig.fed.give(BEGUN);
      const call = download.call();
      await download.has(BEGUN.length);
      download.tap.cut(how);
      download.rig.fed.give(MORE);
      await download.answered(4);
      download.finish();
      expect(await call.done).toMatchObject({ exitCode: 0 });
      expect(download.content()).toBe(WHOLE);
      expect(download.said).toEqual([...WHILE_MADE, ...WHILE_MADE]);
    },
  );

  test("begins anew where nothing has come for as long as it waits", async () => {
    await using download = await start();
    download.rig.fed.give(BEGUN);
    // By itself it waits for 60 s.
    const call = download.call("--timeout=1");
    await download.answered(4);
    download.rig.fed.give(MORE);
    download.finish();
    expect(await call.done).toMatchObject({ exitCode: 0 });
    expect(download.content()).toBe(WHOLE);
    expect(download.said).toEqual([...WHILE_MADE, ...WHILE_MADE]);
  });
});
