import { type ChildProcess, spawn } from "node:child_process";
import { describe, expect, test } from "vitest";
import { until } from "../helpers/deadline.ts";
import { chromiumMissing, useChromium } from "./chromium.ts";

const EXAMPLE = new URL("../../examples/chat.ts", import.meta.url).pathname;
const FROM_SOURCES = new URL("../helpers/from-sources.ts", import.meta.url).href;
if (chromiumMissing) console.log(`The example of a chat is not tested: ${chromiumMissing}`);

/** The example as a process of its own. */
async function startExample(): Promise<{ url: string; child: ChildProcess } & AsyncDisposable> {
  const child = spawn(process.execPath, ["--import", FROM_SOURCES, EXAMPLE], { env: { ...process.env, PORT: "0" } });
  let told = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (told += chunk.toString()));
  const address = /Open (http:\S+),/u;
  await until(() => address.test(told) || child.exitCode !== null, "listening", 15_000);
  return {
    url: address.exec(told)?.[1] ?? `it ended: ${told}`,
    child,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await until(() => child.signalCode !== null, "its end");
    },
  };
}

describe.skipIf(chromiumMissing !== undefined)("the example of a chat", () => {
  const chromium = useChromium();

  test("an answer goes on where the page was reloaded in its middle, and ends once", { timeout: 60_000 }, async () => {
    await using example = await startExample();
    const page = await chromium.open(example.url);
    await page.fill("input", "what is it");
    await page.click("button");
    await page.waitForFunction("answer.textContent.length > 20".replace("answer", "document.querySelector('#answer')"));
    await page.reload();
    const text = (): Promise<string | null> => page.textContent("#answer");
    await page.waitForFunction("document.querySelector('#state').textContent === 'That is all.'", undefined, {
      timeout: 40_000,
    });
    const answer = await text();
    expect(answer?.startsWith("You asked: what is it. Nobody here knows")).toBe(true);
    expect(answer?.match(/word by word/gu)).toHaveLength(6);
  });

  test("Stop ends the answer for the model's server, too", async () => {
    await using example = await startExample();
    const page = await chromium.open(example.url);
    await page.fill("input", "why");
    await page.click("button");
    await page.waitForFunction("document.querySelector('#answer').textContent.length > 10");
    const id = new URL(page.url()).hash.slice(1);
    await page.click("#stop");
    await page.waitForFunction("document.querySelector('#state').textContent === 'Stopped.'");
    expect((await fetch(`${example.url}/answers/${id}`)).status).toBe(404);
  });
});
