import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Sluice } from "../cli/sluice.ts";
import { until, within } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { chromiumMissing, useChromium } from "./chromium.ts";

const VIDEO = new URL("../../src/server/demo-assets/clock.mp4", import.meta.url);

if (chromiumMissing) console.log(`Skipped: ${chromiumMissing}, so no video is played`);

describe.skipIf(chromiumMissing)("Chromium plays a video of `sluice serve`", () => {
  const browser = useChromium();
  const folder = temporaryFolder();
  let sluice: Sluice;
  let url: string;

  beforeAll(async () => {
    const files = join(folder.path, "files");
    mkdirSync(files);
    copyFileSync(VIDEO, join(files, "clock.mp4"));
    const demo = ["--demo", "--data", join(folder.path, "data"), "--demo-rows", "1000"];
    sluice = new Sluice(["serve", "--port", "0", "--files", files, ...demo]);
    url = await sluice.listening();
  });
  afterAll(() => sluice[Symbol.asyncDispose]());

  /** What the log says of the ranges of `target` that were answered. */
  const parts = (target: string): readonly (readonly [range: string, status: unknown])[] =>
    sluice.log
      .filter((line) => line["target"] === target && line["range"] !== undefined)
      .map(({ range, status }) => [String(range), status]);

  test.each(["/video", "/files/clock.mp4"])("%s, from near its end to the end, by ranges", async (target) => {
    const page = await browser.open(`${url}/healthz`);
    await slowDown(page);
    await page.evaluate(`{
      const video = document.createElement("video");
      Object.assign(video, { src: "${target}", muted: true, preload: "auto" });
      document.body.append(video);
    }`);
    await page.waitForFunction("document.querySelector('video').readyState >= 1");
    const duration = await read(page, "duration");
    expect(duration).toBeGreaterThan(10);

    await told(page, "seeked", `video.currentTime = ${duration - 0.5}`);
    expect(await read(page, "currentTime")).toBeCloseTo(duration - 0.5, 1);
    await told(page, "ended", "void video.play()");
    expect(await read(page, "currentTime")).toBeCloseTo(duration, 1);
    expect(await page.evaluate("document.querySelector('video').error")).toBeNull();

    await page.close();
    await until(() => parts(target).length >= 2, "the log's lines on two parts");
    expect(parts(target).every(([, status]) => status === 206)).toBe(true);
    expect(parts(target)).toContainEqual(["bytes=0-", 206]);
    // What was in between was not fetched.
    expect(parts(target).some(([range]) => /^bytes=[1-9]\d{4,}-/u.test(range))).toBe(true);
  });
});

/** So that what is sought has not come yet. */
async function slowDown(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const bytesPerSecond = 80_000;
  await devtools.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: bytesPerSecond,
    uploadThroughput: bytesPerSecond,
  });
}

function read(page: Page, property: "currentTime" | "duration"): Promise<number> {
  return page.evaluate(`document.querySelector("video").${property}`);
}

/** Does something to the page's `video`, and waits until it tells so. */
async function told(page: Page, event: string, statement: string): Promise<void> {
  const script = `new Promise((resolve) => {
    const video = document.querySelector("video");
    video.addEventListener("${event}", () => resolve(), { once: true });
    ${statement};
  })`;
  await within(page.evaluate(script), `${event} of the video`);
}
