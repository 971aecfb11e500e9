/** The files of the suite, and what is in them. */
import { createCipheriv, createHash } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { MIB } from "../../harness/measure.ts";

const KEY = Buffer.alloc(16, "sluice benchmark");
const BLOCK = Buffer.alloc(MIB);

interface FileContent {
  bytes: number;
  /** Of those that are random. */
  sha256?: string;
}

const contents = new Map<string, FileContent>();

/** @throws when the suite has not been prepared */
export function contentOf(path: string): FileContent {
  const content = contents.get(path);
  if (content === undefined) throw new Error(`no file ${path} was written`);
  return content;
}

/** Random bytes, the same in every run; on the disk when this resolves, so that no run has to wait for it. */
export async function writeRandom(folder: string, path: string, bytes: number): Promise<void> {
  const random = createCipheriv("aes-128-ctr", KEY, Buffer.alloc(16));
  const hash = createHash("sha256");
  await using file = await open(join(folder, path), "w");
  for (let at = 0; at < bytes; at += BLOCK.length) {
    const part = random.update(BLOCK.subarray(0, Math.min(BLOCK.length, bytes - at)));
    hash.update(part);
    await file.write(part);
  }
  await file.sync();
  contents.set(path, { bytes, sha256: hash.digest("hex") });
}

async function writeSparse(folder: string, path: string, bytes: number): Promise<void> {
  await using file = await open(join(folder, path), "w");
  await file.truncate(bytes);
  contents.set(path, { bytes });
}

/** What is read once is in the page cache, also where the file is a hole. */
async function readOnce(folder: string, path: string): Promise<void> {
  await using file = await open(join(folder, path));
  const buffer = Buffer.allocUnsafe(MIB);
  while ((await file.read(buffer)).bytesRead > 0);
}

export async function writeFiles(dataFolder: string, quick: boolean): Promise<void> {
  const folder = join(dataFolder, "files");
  await mkdir(folder);
  await writeRandom(folder, "/1k.bin", 1024);
  await writeRandom(folder, "/64k.bin", 64 * 1024);
  await writeRandom(folder, "/large.bin", (quick ? 256 : 2048) * MIB);
  await writeSparse(folder, "/sparse.bin", (quick ? 640 : 5120) * MIB);
  for (const path of contents.keys()) await readOnce(folder, path);
}
