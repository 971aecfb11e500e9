import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumMissing, useChromium } from "../browser/chromium.ts";
import { until, within } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { MIB, untilSettled, writeRandom } from "./support/big-file.ts";
import { Origin } from "./support/origin.ts";

if (chromiumMissing) console.log(`Skipped: ${chromiumMissing}, so no browser goes on with what it has in its cache`);

const SIZE_BYTES = 4 * MIB;

/** Chromium keeps the beginning of an answer that was given up, and sends If-Range with what it asks for later. */
describe.skipIf(chromiumMissing)("Chromium with the beginning of a file in its cache", () => {
  const browser = useChromium();
  const folder = temporaryFolder();
  const sha256: Record<string, string> = {};
  let origin: Origin;

  beforeAll(async () => {
    for (const name of ["kept", "replaced"]) sha256[name] = await writeRandom(join(folder.path, name), SIZE_BYTES);
    origin = await Origin.start(folder.path);
    await untilSettled();
  });
  afterAll(() => origin[Symbol.asyncDispose]());

  const rangeOf = (target: string): unknown =>
    origin.answers.find((line) => line["target"] === target && line["range"] !== undefined);

  test("asks for the rest", async () => {
    const page = await browser.open(`${origin.url}/healthz`);
    await loadBeginning(page, "/files/kept");
    expect(await hashOf(page, "/files/kept")).toBe(sha256["kept"]);
    await until(() => rangeOf("/files/kept") !== undefined, "the log's line on the rest");
    expect(rangeOf("/files/kept")).toMatchObject({ range: expect.stringMatching(/^bytes=[1-9]\d+-/u), status: 206 });
  });

  test("has the new file whole where it was replaced", async () => {
    const page = await browser.open(`${origin.url}/healthz`);
    await loadBeginning(page, "/files/replaced");
    const replaced = await writeRandom(join(folder.path, "replaced"), SIZE_BYTES);
    expect(await hashOf(page, "/files/replaced")).toBe(replaced);
    await until(() => rangeOf("/files/replaced") !== undefined, "the log's line on the rest");
    expect(rangeOf("/files/replaced")).toMatchObject({ status: 200, bytes: SIZE_BYTES });
  });
});

/** Loads a quarter, so slowly that the rest has not come when it leaves. */
async function loadBeginning(page: Page, target: string): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const throughput = (bytesPerSecond: number): Promise<unknown> =>
    devtools.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 0,
      downloadThroughput: bytesPerSecond,
      uploadThroughput: bytesPerSecond,
    });
  await throughput(SIZE_BYTES / 2);
  const script = `(async () => {
    const leaving = new AbortController();
    const { body } = await fetch("${target}", { signal: leaving.signal });
    const reader = body.getReader();
    for (let bytes = 0; bytes < ${SIZE_BYTES / 4}; ) bytes += (await reader.read()).value.length;
    leaving.abort();
  })()`;
  await within(page.evaluate(script), `the beginning of ${target}`);
  await throughput(-1);
}

function hashOf(page: Page, target: string): Promise<string> {
  const script = `(async () => {
    const bytes = await (await fetch("${target}")).arrayBuffer();
    return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  })()`;
  return within(page.evaluate<string>(script), `the hash of ${target}`);
}
