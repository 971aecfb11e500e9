import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "../faults/support/random.ts";
import { ran, scaled } from "../faults/support/scale.ts";
import type { LogLine } from "../cli/sluice.ts";
import { until } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { MIB, writeRandom } from "./support/big-file.ts";
import { DOWNLOAD_DEADLINE_MS, Download, sha256Of } from "./support/download.ts";
import { Origin } from "./support/origin.ts";
import { DOWNLOADERS, isHere } from "./support/programs.ts";

const SIZE_BYTES = scaled(64, 256) * MIB;
const BYTES_PER_SECOND = scaled(64, 128) * MIB;
const KILLS = scaled(2, 5);
const seeds = Array.from({ length: scaled(1, 5) }, () => Math.floor(Math.random() * 2 ** 32));

const folder = temporaryFolder();
const original = join(folder.path, "big.bin");
let origin: Origin;
let sha256: string;

beforeAll(async () => {
  sha256 = await writeRandom(original, SIZE_BYTES);
  origin = await Origin.start(folder.path);
});
afterAll(() => origin[Symbol.asyncDispose]());

describe.each(DOWNLOADERS)("$program", (downloader) => {
  const missing = !isHere(downloader);

  /** @param name - of what is downloaded, and in the log */
  const begin = (name: string): Download =>
    new Download(
      downloader,
      `${origin.url}/files/big.bin?${downloader.program}-${name}`,
      join(folder.path, `${downloader.program}-${name}`),
      BYTES_PER_SECOND,
    );

  /** Does something to the download whenever it has as many bytes as the seed says. */
  async function disturb(seed: number, download: Download, what: () => unknown): Promise<void> {
    const random = seededRandom(seed);
    const moments = Array.from({ length: KILLS }, () => random() * 0.8 * SIZE_BYTES).toSorted((a, b) => a - b);
    for (const bytes of moments) {
      await download.has(bytes);
      if (!download.isDone) await what();
    }
  }

  async function expectWhole(download: Download): Promise<void> {
    expect(await sha256Of(download.file)).toBe(sha256);
    // It went on where it was, and did not begin anew.
    const isPart = (line: LogLine): boolean => line["status"] === 206 && /^bytes=[1-9]/u.test(String(line["range"]));
    await until(() => origin.answers.some((line) => line["target"] === download.target && isPart(line)), "a part");
    rmSync(download.file);
    ran(`${downloader.program} called ${download.calls} times for ${SIZE_BYTES / MIB} MiB`);
  }

  const timeout = 2 * DOWNLOAD_DEADLINE_MS;

  test.skipIf(missing).each(seeds)(
    "has the file when the server is killed again and again (%i)",
    { timeout },
    async (seed) => {
      const download = begin(`server-${seed}`);
      await Promise.all([download.complete(), disturb(seed, download, () => origin.restart())]);
      await expectWhole(download);
    },
  );

  test.skipIf(missing).each(seeds)(
    "has the file when it is killed again and again itself (%i)",
    { timeout },
    async (seed) => {
      const download = begin(`client-${seed}`);
      await Promise.all([download.complete(), disturb(seed, download, () => download.kill())]);
      await expectWhole(download);
    },
  );

  test.skipIf(missing)("leaves a file alone that is all there, and says so", async () => {
    const download = begin("complete");
    copyFileSync(original, download.file);
    expect(await download.once()).toMatchObject({ exitCode: 0 });
    expect(await sha256Of(download.file)).toBe(sha256);
    // The others ask for what is behind the end. aria2c compares lengths and leaves.
    if (downloader.program !== "aria2c") {
      expect(await origin.answered(download.target, `bytes=${SIZE_BYTES}-`)).toMatchObject({ status: 416 });
    }
  });
});
