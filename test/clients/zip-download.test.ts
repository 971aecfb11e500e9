import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { SOAK, ran, skip } from "../faults/support/scale.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { MIB, writeRandom } from "./support/big-file.ts";
import { DOWNLOAD_DEADLINE_MS, Download, sha256Of } from "./support/download.ts";
import { type Downloader, isHere } from "./support/programs.ts";
import { UNZIPPERS, hashesInArchive, hashesInFolder } from "./support/unzippers.ts";
import { ZipExample } from "./support/zip-example.ts";

/** As the example says, with the heads of the last call's answers beside the file. */
const FOLLOWING_CURL: Downloader = {
  program: "curl",
  package: "curl",
  arguments: (url, file, rate) => [
    "-sS",
    "-L",
    "-C",
    "-",
    "-D",
    `${file}.heads`,
    "--limit-rate",
    String(rate),
    "-o",
    file,
    url,
  ],
};
const LARGE_BYTES = 72 * MIB;
const BYTES_PER_SECOND = 32 * MIB;
const FULL_SPEED = 1024 * MIB;
const ZIP64_BYTES = 2 ** 32 + 4096;

const folder = temporaryFolder();
const files = join(folder.path, "files");
let hashes: Record<string, string>;

beforeAll(async () => {
  mkdirSync(join(files, "größe & 'grad'/one deeper"), { recursive: true });
  await writeRandom(join(files, "large and random.bin"), LARGE_BYTES);
  writeFileSync(join(files, "größe & 'grad'/lines 100%.txt"), "a line of text\n".repeat(MIB));
  writeFileSync(join(files, "größe & 'grad'/one deeper/日本語 [1].txt"), "こんにちは");
  writeFileSync(join(files, "empty"), "");
  writeFileSync(join(folder.path, "elsewhere"), "not in the folder");
  symlinkSync("../elsewhere", join(files, "link"));
  hashes = await hashesInFolder(files);
  expect(Object.keys(hashes)).toHaveLength(4);
});

const begin = ({ url }: ZipExample, name: string, bytesPerSecond: number): Download =>
  new Download(FOLLOWING_CURL, url, join(folder.path, name), bytesPerSecond);

const headsOf = ({ file }: Download): string => readFileSync(`${file}.heads`, "latin1").toLowerCase();

const runOf = (download: Download): string => /^location: .*run=(\w+)/mu.exec(headsOf(download))![1]!;

async function expectWhole(archive: string, expected: Record<string, string>): Promise<void> {
  for (const unzipper of UNZIPPERS) {
    expect([unzipper.program, await hashesInArchive(unzipper, archive, folder.path)]).toEqual([
      unzipper.program,
      expected,
    ]);
  }
}

describe.skipIf(!isHere(FOLLOWING_CURL))("curl", { timeout: 3 * DOWNLOAD_DEADLINE_MS }, () => {
  test("has the archive when it is killed in the middle, and called again", async () => {
    await using example = await ZipExample.start(files, folder.path);
    const download = begin(example, "cut.zip", BYTES_PER_SECOND);
    const complete = download.complete();
    await download.has(LARGE_BYTES / 2);
    download.kill();
    await complete;
    expect(download.calls).toBe(2);
    expect(headsOf(download)).toMatch(/^content-range: bytes [1-9]\d*-/mu);
    await expectWhole(download.file, hashes);
  });

  test("twice at the same time has the same archive, which is made once", async () => {
    await using example = await ZipExample.start(files, folder.path);
    const downloads = ["first.zip", "second.zip"].map((name) => begin(example, name, FULL_SPEED));
    await Promise.all(downloads.map((download) => download.complete()));
    const [first, second] = downloads as [Download, Download];
    expect(await sha256Of(first.file)).toBe(await sha256Of(second.file));
    expect(runOf(first)).toBe(runOf(second));
    expect(example.archives).toBe(1);
    await expectWhole(first.file, hashes);
    await example.stop();
    expect(example.leftovers).toEqual([]);
    expect(example.stderr).toBe("");
  });

  test("has an archive of more than 4 GiB", { timeout: 1_200_000 }, async (context) => {
    if (!SOAK) return skip(context, "it needs minutes, and 14 GiB of disk (SOAK=1 runs it)");
    const huge = join(folder.path, "huge");
    mkdirSync(huge);
    // Both need Zip64: the one for its size, the other for where it is.
    writeFileSync(join(huge, "1 is large"), "");
    truncateSync(join(huge, "1 is large"), ZIP64_BYTES);
    writeFileSync(join(huge, "2 is behind it"), "the last one");
    await using example = await ZipExample.start(huge, folder.path);
    const archive = join(folder.path, "huge.zip");
    await promisify(execFile)("curl", ["-sSL", "--noproxy", "*", "-o", archive, example.url], { timeout: 600_000 });
    await expectWhole(archive, await hashesInFolder(huge));
    rmSync(archive);
    ran(`an archive of ${ZIP64_BYTES} bytes and more, tested by ${UNZIPPERS.length} programs`);
  });
});
