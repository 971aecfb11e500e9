import { spawnSync } from "node:child_process";

/** A program that downloads, and how a user calls it so that it goes on where it was. */
export interface Downloader {
  readonly program: string;
  /** Debian's. */
  readonly package: string;
  /** @param bytesPerSecond - as fast as it may read, so that there is time to disturb it */
  arguments(url: string, file: string, bytesPerSecond: number): string[];
}

export const CURL: Downloader = {
  program: "curl",
  package: "curl",
  arguments: (url, file, rate) => ["-sS", "-C", "-", "--limit-rate", String(rate), "-o", file, url],
};

export const WGET: Downloader = {
  program: "wget",
  package: "wget",
  // By itself it takes a refused connection for the end.
  arguments: (url, file, rate) => [
    "-nv",
    "-c",
    "--tries=0",
    "--retry-connrefused",
    "--waitretry=0.1",
    `--limit-rate=${rate}`,
    "-O",
    file,
    url,
  ],
};

export const ARIA2: Downloader = {
  program: "aria2c",
  package: "aria2",
  // It notes what it has in `<file>.aria2`, by itself once a minute. Unless it is told not to, it fills the file beforehand.
  arguments: (url, file, rate) => [
    "-q",
    "--no-conf",
    "-c",
    "-x8",
    "-s8",
    "-k1M",
    "--auto-save-interval=1",
    "--file-allocation=none",
    `--max-overall-download-limit=${rate}`,
    "-d",
    "/",
    "-o",
    file,
    url,
  ],
};

export const DOWNLOADERS: readonly Downloader[] = [CURL, WGET, ARIA2];

const looked = new Map<string, boolean>();

/** Whether it is here; where it is not, that is said once, for its tests are skipped. */
export function isHere({ program, package: debian }: Downloader): boolean {
  const known = looked.get(program);
  if (known !== undefined) return known;
  const found = spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0;
  looked.set(program, found);
  if (!found) console.log(`Skipped: ${program} is not installed (Debian: ${debian}), so nothing is tested with it`);
  return found;
}
