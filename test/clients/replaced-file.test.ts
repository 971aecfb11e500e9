import { closeSync, openSync, readFileSync, readSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary.ts";
import { MIB, untilSettled, writeRandom } from "./support/big-file.ts";
import { Download, type Run, run, sha256Of } from "./support/download.ts";
import { Origin } from "./support/origin.ts";
import { ARIA2, CURL, type Downloader, WGET, isHere } from "./support/programs.ts";

/**
 * What happens to a download that was begun before its file was replaced. Of their own, none of these programs says which
 * file it has the beginning of (If-Range), so the server cannot know, and what it sends is right for what it was asked.
 */
const [OLD_MIB, HAD_MIB] = [16, 7];
const NEW_LENGTHS = [
  ["of the same length", OLD_MIB],
  ["that is longer", 20],
  ["that is shorter", 12],
  ["that is shorter than what is there", 4],
] as const;
const MAX_RATE = 512 * MIB;

const folder = temporaryFolder();
const original = join(folder.path, "big.bin");
let origin: Origin;
let etag: string;
let downloads = 0;

beforeAll(async () => {
  await writeRandom(original, OLD_MIB * MIB);
  origin = await Origin.start(folder.path);
  await untilSettled();
  etag = (await fetch(`${origin.url}/files/big.bin`, { method: "HEAD" })).headers.get("ETag")!;
  expect(etag).toMatch(/^"/u);
});
afterAll(() => origin[Symbol.asyncDispose]());

interface Begun {
  /** No other download has the same. */
  readonly target: string;
  readonly file: string;
  /** What is there of the old file, in the beginning. */
  readonly had: Buffer;
  goOn(...options: string[]): Promise<Run>;
}

/** Downloads the beginning of a file, which is then replaced by another one. */
async function begin(downloader: Downloader, newLength: number): Promise<Begun> {
  const file = join(folder.path, "download");
  for (const path of [file, `${file}.aria2`]) rmSync(path, { force: true });
  await writeRandom(original, OLD_MIB * MIB);
  const target = `/files/big.bin?${++downloads}`;
  const url = origin.url + target;
  // aria2c notes once a second what it has.
  const bytesPerSecond = (downloader === ARIA2 ? 12 : 64) * MIB;
  const download = new Download(downloader, url, file, bytesPerSecond);
  const killed = download.once();
  await download.has(HAD_MIB * MIB);
  download.kill();
  await killed;
  await writeRandom(original, newLength);
  return {
    target,
    file,
    had: readFileSync(file),
    goOn: (...options) => run(downloader.program, [...options, ...downloader.arguments(url, file, MAX_RATE)]),
  };
}

/** The bytes of the file that is served now, from `offset`. */
function served(offset: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, statSync(original).size - offset));
  const descriptor = openSync(original, "r");
  readSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
  return bytes;
}

describe.each([CURL, WGET])("$program takes what it has for the beginning of a file", (downloader) => {
  const missing = !isHere(downloader);

  test.skipIf(missing).each(NEW_LENGTHS)("%s, and says that all is well", async (_how, newMiB) => {
    const { target, file, had, goOn } = await begin(downloader, newMiB * MIB);
    const { exitCode } = await goOn();
    expect(exitCode).toBe(0);
    const { status } = await origin.answered(target, `bytes=${had.length}-`);
    expect(status).toBe(had.length < newMiB * MIB ? 206 : 416);
    expect(readFileSync(file).equals(Buffer.concat([had, served(had.length)]))).toBe(true);
  });
});

describe.skipIf(!isHere(CURL))("curl that is told to send If-Range", () => {
  test.each(NEW_LENGTHS.slice(0, 2))(
    "leaves what it has alone where the file is another one %s, and fails",
    async (_how, newMiB) => {
      const { file, had, goOn } = await begin(CURL, newMiB * MIB);
      expect(await goOn("-H", `If-Range: ${etag}`)).toMatchObject({ exitCode: 33 });
      expect(readFileSync(file).equals(had)).toBe(true);
      // Whoever begins anew has the new file.
      rmSync(file);
      expect(await goOn("-H", `If-Range: ${etag}`)).toMatchObject({ exitCode: 0 });
      expect(await sha256Of(file)).toBe(await sha256Of(original));
    },
  );
});

describe.skipIf(!isHere(WGET))("wget that is told to send If-Range", () => {
  test("joins two files all the same: of the new one, sent whole, it passes over as much as it has", async () => {
    const { target, file, had, goOn } = await begin(WGET, OLD_MIB * MIB);
    expect(await goOn(`--header=If-Range: ${etag}`)).toMatchObject({ exitCode: 0 });
    const answer = await origin.answered(target, `bytes=${had.length}-`);
    expect(answer).toMatchObject({ status: 200, bytes: OLD_MIB * MIB });
    expect(readFileSync(file).equals(Buffer.concat([had, served(had.length)]))).toBe(true);
  });
});

describe.skipIf(!isHere(ARIA2))("aria2c", () => {
  test("joins two files of one length, and says that all is well", async () => {
    const { file, goOn } = await begin(ARIA2, OLD_MIB * MIB);
    expect(await goOn()).toMatchObject({ exitCode: 0 });
    const bytes = readFileSync(file);
    expect(bytes.length).toBe(OLD_MIB * MIB);
    expect(bytes.equals(served(0))).toBe(false);
  });

  test.each(NEW_LENGTHS.slice(1, 3))(
    "leaves what it has alone where the file is another one %s, and fails",
    async (_how, newMiB) => {
      const { file, had, goOn } = await begin(ARIA2, newMiB * MIB);
      expect(await goOn()).toMatchObject({ exitCode: 1 });
      expect(readFileSync(file).equals(had)).toBe(true);
    },
  );

  test("fails where it is told to send If-Range", async () => {
    const { goOn } = await begin(ARIA2, OLD_MIB * MIB);
    expect(await goOn(`--header=If-Range: ${etag}`)).toMatchObject({ exitCode: 8 });
  });

  test("fails where it is told the file's hash", async () => {
    const { goOn } = await begin(ARIA2, OLD_MIB * MIB);
    expect(await goOn(`--checksum=sha-256=${await sha256Of(original)}`)).toMatchObject({ exitCode: 32 });
  });
});
