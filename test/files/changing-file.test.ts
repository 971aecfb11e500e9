import { appendFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { fileResponse } from "../../src/index.ts";
import type { RunningServer } from "../../src/node/index.ts";
import { until } from "../helpers/deadline.ts";
import type { Answer } from "../helpers/http1-answers.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { Outcomes, patternBytes, serveHere, temporaryFolder } from "./support.ts";

/** More than a connection takes for a reader that sleeps. */
const SIZE = 32 * 1024 * 1024;
const path = join(temporaryFolder(), "changing.bin");
const bytes = patternBytes(SIZE);
const reports = watchReports();
const outcomes = new Outcomes();
let server: RunningServer;

beforeAll(async () => {
  server = await serveHere((request) =>
    new URL(request.url).pathname === "/next"
      ? new Response("the next answer")
      : fileResponse(request, path, { onFinish: outcomes.onFinish }),
  );
});
afterAll(() => server.destroy());
beforeEach(() => {
  outcomes.all.length = 0;
  writeFileSync(path, bytes);
});

/** A reader that has begun, and sleeps, with the next request written already. */
async function sleepingReader(...fields: string[]): Promise<RawClient> {
  const client = await RawClient.connect(server.port);
  client.get("/", ...fields);
  await until(() => client.byteLength > 1_000, "the first bytes");
  client.pause();
  client.get("/next");
  return client;
}

/** The file's answer and the next one. Looked for when they can be there: so many bytes take long to look at. */
async function readBoth(client: RawClient): Promise<Answer[]> {
  client.resume();
  await until(() => client.byteLength > SIZE, "the whole file", 20_000);
  return client.readAnswers(2);
}

test("a file that becomes shorter breaks the connection, and nothing takes the place of its bytes", async () => {
  const client = await sleepingReader();
  truncateSync(path, 64 * 1024);
  client.resume();
  await client.end();
  expect(client.text.match(/HTTP\/1\.1/gu)).toHaveLength(1);
  expect(client.text).not.toContain("the next answer");
  expect(client.byteLength).toBeLessThan(SIZE);
  const body = client.bytes.subarray(client.bytes.indexOf("\r\n\r\n") + 4);
  expect(body.equals(bytes.subarray(0, body.length))).toBe(true);
  expect(outcomes.all).toMatchObject([{ outcome: "failed", error: { code: "ERR_FILE_CHANGED" } }]);
  expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
});

test("a file that becomes empty before its first byte was read is an error, not an empty file", async () => {
  const response = await fileResponse(new Request("http://x/"), path, { onFinish: outcomes.onFinish });
  truncateSync(path, 0);
  await expect(response.arrayBuffer()).rejects.toMatchObject({ code: "ERR_FILE_CHANGED" });
  expect(outcomes.all).toMatchObject([{ outcome: "failed", bytes: 0 }]);
});

test("a file that grows is sent as long as it was, and the next answer is whole", async () => {
  const client = await sleepingReader();
  appendFileSync(path, Buffer.alloc(1024 * 1024, "HTTP/1.1 200 OK\r\n\r\n"));
  const [file, next] = await readBoth(client);
  expect(file!.body.equals(bytes)).toBe(true);
  expect(next!.body.toString()).toBe("the next answer");
  client.destroy();
});

test("a file that is replaced is sent as it was, and the next reader gets the new one", async () => {
  const client = await sleepingReader();
  writeFileSync(`${path}.new`, "new");
  renameSync(`${path}.new`, path);
  const [file] = await readBoth(client);
  expect(file!.body.equals(bytes)).toBe(true);
  expect(await (await fetch(server.url)).text()).toBe("new");
  client.destroy();
});

test("a range is bounded by its end, however the file grows", async () => {
  const client = await sleepingReader(`Range: bytes=5-${SIZE - 1}`);
  appendFileSync(path, "more");
  const [file, next] = await readBoth(client);
  expect(file!.body.equals(bytes.subarray(5))).toBe(true);
  expect(next!.body.toString()).toBe("the next answer");
  client.destroy();
});
