import { existsSync, readFileSync, statSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fileResponse } from "../../src/index.ts";
import { type RunningServer, serve } from "../../src/node/index.ts";

const VIDEO = new URL("../../src/server/demo-assets/clock.mp4", import.meta.url);
const CHROMIUM = "/usr/bin/chromium";
const ranges: string[] = [];
let server: RunningServer;

beforeAll(async () => {
  server = await serve(
    (request) => {
      if (new URL(request.url).pathname !== "/video") {
        return new Response(`<video src="/video" muted preload="auto"></video>`, { headers: { "Content-Type": "text/html" } });
      }
      ranges.push(request.headers.get("Range") ?? "");
      return fileResponse(request, VIDEO);
    },
    { port: 0 },
  );
});
afterAll(() => server.destroy());

test("the video is small, and its index stands in front", () => {
  const bytes = readFileSync(VIDEO);
  expect(statSync(VIDEO).size).toBeLessThan(1_000_000);
  expect(bytes.indexOf("moov")).toBeGreaterThan(0);
  expect(bytes.indexOf("moov")).toBeLessThan(bytes.indexOf("mdat"));
});

test.skipIf(!existsSync(CHROMIUM))("Chromium plays it, and seeks in it by ranges", { timeout: 60_000 }, async () => {
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    // So slow that what is sought has not arrived yet.
    const devtools = await page.context().newCDPSession(page);
    const bytesPerSecond = 60_000;
    await devtools.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 0,
      downloadThroughput: bytesPerSecond,
      uploadThroughput: bytesPerSecond,
    });
    await page.goto(server.url);
    const video = page.locator("video");
    await page.waitForFunction(() => document.querySelector("video")!.readyState >= 2);
    expect(await video.evaluate((element: HTMLVideoElement) => element.duration)).toBeCloseTo(24, 1);

    // Each second shows its number: what stands at 3 s and at 21 s must differ.
    const shown = async (seconds: number): Promise<string> =>
      video.evaluate(
        (element: HTMLVideoElement, time: number) =>
          new Promise<string>((resolve) => {
            element.addEventListener(
              "seeked",
              () => {
                const canvas = document.createElement("canvas");
                [canvas.width, canvas.height] = [element.videoWidth, element.videoHeight];
                canvas.getContext("2d")!.drawImage(element, 0, 0);
                resolve(canvas.toDataURL());
              },
              { once: true },
            );
            element.currentTime = time;
          }),
        seconds,
      );
    const late = await shown(21.5);
    const early = await shown(3.5);
    expect(late).not.toBe(early);
    expect(await shown(21.5)).toBe(late);

    await video.evaluate((element: HTMLVideoElement) => element.play());
    await page.waitForFunction(() => document.querySelector("video")!.currentTime > 21.9);
    expect(await video.evaluate((element: HTMLVideoElement) => element.error)).toBeNull();
  } finally {
    await browser.close();
  }
  expect(ranges[0]).toBe("bytes=0-");
  expect(ranges.slice(1).some((range) => /^bytes=[1-9]\d{4,}-$/u.test(range))).toBe(true);
});
