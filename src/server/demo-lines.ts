import { open } from "node:fs/promises";

const BATCH_LINES = 50_000;

/** Makes a text file of numbered lines. @param onLines - told how many there are so far */
export async function makeLines(path: string, lines: number, onLines: (lines: number) => void): Promise<void> {
  await using file = await open(path, "w");
  for (let first = 1; first <= lines; first += BATCH_LINES) {
    const last = Math.min(lines, first + BATCH_LINES - 1);
    let text = "";
    for (let line = first; line <= last; line++) text += `line ${line} of ${lines}\n`;
    await file.write(text);
    onLines(last);
  }
}
