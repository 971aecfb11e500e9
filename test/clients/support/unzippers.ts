import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { sha256Of } from "./download.ts";

/** A program that others open an archive with. */
interface Unzipper {
  readonly program: string;
  /** What makes it say its version. */
  readonly version: readonly string[];
  /** What makes it compare each file with its checksum. */
  test(archive: string): string[];
  extract(archive: string, folder: string): string[];
}

const ALL: readonly Unzipper[] = [
  {
    program: "unzip",
    version: ["-v"],
    test: (archive) => ["-tq", archive],
    extract: (archive, folder) => ["-q", archive, "-d", folder],
  },
  {
    program: "python3",
    version: ["--version"],
    test: (archive) => ["-m", "zipfile", "-t", archive],
    extract: (archive, folder) => ["-m", "zipfile", "-e", archive, folder],
  },
];

/** Those that are here. */
export const UNZIPPERS: readonly Unzipper[] = ALL.filter(
  ({ program, version }) => spawnSync(program, version, { stdio: "ignore" }).status === 0,
);
if (UNZIPPERS.length === 0) {
  console.log("Skipped: neither unzip nor python3 is installed, so no archive is opened");
}

/** Tests an archive, and takes it apart in `scratch`: the SHA-256 of each file in it, by its name. */
export async function hashesInArchive(
  { program, test, extract }: Unzipper,
  archive: string,
  scratch: string,
): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(scratch, `${program}-`));
  const { PATH = "" } = process.env;
  // It has to know that names may be in UTF-8.
  const env = { PATH, LC_ALL: "C.UTF-8" };
  try {
    for (const args of [test(archive), extract(archive, folder)]) await promisify(execFile)(program, args, { env });
    return await hashesInFolder(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The SHA-256 of each file in a folder, by its name in it. */
export async function hashesInFolder(folder: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) hashes[relative(folder, path)] = await sha256Of(path);
  }
  return hashes;
}
