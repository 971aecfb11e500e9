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
        return new Response(`<video src="/video" muted preload="auto"></video>`, {
          headers: { "Content-Type": "text/html" },
        });
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
    await page.waitForFunction("document.querySelector('video').readyState >= 2");
    expect(await page.evaluate("document.querySelector('video').duration")).toBeCloseTo(30, 1);

    // Each second shows its number: what stands at 3 s and at 28 s must differ.
    const shownAt = (seconds: number): Promise<unknown> =>
      page.evaluate(`new Promise((resolve) => {
        const video = document.querySelector("video");
        const draw = () => {
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
          canvas.getContext("2d").drawImage(video, 0, 0);
          resolve(canvas.toDataURL());
        };
        video.addEventListener("seeked", draw, { once: true });
        video.currentTime = ${seconds};
      })`);
    const late = await shownAt(28.5);
    const early = await shownAt(3.5);
    expect(late).not.toBe(early);
    expect(await shownAt(28.5)).toBe(late);

    await page.evaluate("document.querySelector('video').play()");
    await page.waitForFunction("document.querySelector('video').currentTime > 28.9");
    expect(await page.evaluate("document.querySelector('video').error")).toBeNull();
  } finally {
    await browser.close();
  }
  expect(ranges[0]).toBe("bytes=0-");
  // It waits for what is less than half a megabyte ahead, and asks for what is more.
  expect(ranges.slice(1).some((range) => /^bytes=[1-9]\d{4,}-/u.test(range))).toBe(true);
});
