import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { makeLines } from "./demo-lines.ts";
import { makeTable } from "./demo-table.ts";
import type { Progress } from "./progress.ts";

/** Where the demo's data lies: absolute paths. */
export interface DemoData {
  /** A text file. */
  readonly lines: string;
  /** A SQLite database with `huge_table`. */
  readonly database: string;
  readonly video: string;
}

export interface DemoDataOptions {
  /**
   * Rows of `huge_table`; the text file has five lines for each.
   * @defaultValue 1_000_000
   */
  rows?: number;
  /** Called where data has to be made, with the amount of work. */
  onProgress?: (total: number) => Progress;
}

/** To be raised when what is made changes. */
const VERSION = 2;
const LINES_PER_ROW = 5;

/** It ships in the package as it lies here: `src/server` and `dist/server` are equally deep. */
const VIDEO = fileURLToPath(new URL("../../src/server/demo-assets/clock.mp4", import.meta.url));

/**
 * The demo's data in `folder`, made where it is not there yet, or was made in another size or by another version.
 *
 * It is made beside its place, under a name of its own, and gets its place whole, by a rename: whoever is killed halfway
 * leaves nothing that is taken for data. What was left so is removed here.
 */
export async function prepareDemoData(folder: string, options: DemoDataOptions = {}): Promise<DemoData> {
  const { rows = 1_000_000, onProgress } = options;
  const place = resolve(folder, "demo");
  const stamp = JSON.stringify({ version: VERSION, rows, lines: rows * LINES_PER_ROW });
  if (!(await isMade(place, stamp))) {
    await mkdir(folder, { recursive: true });
    await removeLeftovers(folder);
    const making = await mkdtemp(join(folder, `making-${process.pid}-`));
    try {
      await make(making, rows, onProgress?.(rows * 2));
      await writeFile(join(making, "stamp.json"), stamp);
      await moveInto(place, making, stamp);
    } finally {
      await rm(making, { recursive: true, force: true });
    }
  }
  return { lines: join(place, "lines.txt"), database: join(place, "huge.db"), video: VIDEO };
}

async function make(folder: string, rows: number, progress: Progress | undefined): Promise<void> {
  try {
    await makeTable(join(folder, "huge.db"), rows, (done) => progress?.update(done));
    await makeLines(join(folder, "lines.txt"), rows * LINES_PER_ROW, (done) =>
      progress?.update(rows + done / LINES_PER_ROW),
    );
  } finally {
    progress?.stop();
  }
}

async function moveInto(place: string, made: string, stamp: string): Promise<void> {
  // Another process was faster, and may serve it by now.
  if (await isMade(place, stamp)) return;
  await rm(place, { recursive: true, force: true });
  try {
    await rename(made, place);
  } catch (error) {
    // It was faster only by a moment.
    if (!(await isMade(place, stamp))) throw error;
  }
}

async function isMade(place: string, stamp: string): Promise<boolean> {
  return (await readFile(join(place, "stamp.json"), "utf8").catch(() => "")) === stamp;
}

/** Removes what processes that are gone have left. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /^making-(\d+)-/u.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
