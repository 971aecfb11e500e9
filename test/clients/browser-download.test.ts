import { readFileSync } from "node:fs";
import type { Download, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumMissing, useChromium } from "../browser/chromium.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { Origin } from "./support/origin.ts";

if (chromiumMissing) console.log(`Skipped: ${chromiumMissing}, so no browser downloads anything`);

const HTML = "<!doctype html><meta charset=utf-8><title>ran</title><p>Übersicht</p>";
/** And what Chromium makes of them: no quotes and question marks, which some systems do not take, and NFC. */
const NAMES = [
  ["Übersicht 2026.zip", "Übersicht 2026.zip"],
  ["レポート.bin", "レポート.bin"],
  ["😀.zip", "😀.zip"],
  ["100%25 'Rest'; a=b.bin", "100%25 'Rest'; a=b.bin"],
  ['der "Rest"; b.bin', "der _Rest_; b.bin"],
  ["a+b&c#d?.zip", "a+b&c#d_.zip"],
  ["e\u0301.bin", "\u00e9.bin"],
] as const;

describe.skipIf(chromiumMissing)("Chromium", () => {
  const browser = useChromium();
  const folder = temporaryFolder();
  let safe: Origin;
  let site: Origin;

  beforeAll(async () => {
    for (const [name] of NAMES) folder.write(name, `bytes of ${name}`);
    for (const name of ["page.html", "page.svg"]) folder.write(name, HTML);
    safe = await Origin.start(folder.path);
    site = await Origin.start(folder.path, "--site");
  });
  afterAll(async () => {
    await safe[Symbol.asyncDispose]();
    await site[Symbol.asyncDispose]();
  });

  /** Goes to a file, as by a link; the download it becomes. */
  async function download(page: Page, name: string): Promise<Download> {
    const downloads = page.waitForEvent("download");
    await page.evaluate(`void (location.href = "/files/${encodeURIComponent(name).replaceAll("'", "%27")}")`);
    return downloads;
  }

  test.each(NAMES)("saves %s as %s", async (name, savedAs) => {
    const saved = await download(await browser.open(`${safe.url}/healthz`), name);
    expect(saved.suggestedFilename()).toBe(savedAs);
    expect(await saved.failure()).toBe(null);
    expect(readFileSync(await saved.path(), "utf8")).toBe(`bytes of ${name}`);
  });

  test.each(["page.html", "page.svg"])("saves %s, and does not show it", async (name) => {
    const page = await browser.open(`${safe.url}/healthz`);
    const saved = await download(page, name);
    expect(saved.suggestedFilename()).toBe(name);
    expect(readFileSync(await saved.path(), "utf8")).toBe(HTML);
    expect(page.url()).toBe(`${safe.url}/healthz`);
  });

  test("shows page.html with --site", async () => {
    const page = await browser.open(`${site.url}/files/page.html`);
    expect(await page.title()).toBe("ran");
    expect(await page.innerText("p")).toBe("Übersicht");
  });
});
