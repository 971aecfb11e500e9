import {
  appendFileSync,
  chmodSync,
  closeSync,
  openSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { directory } from "sluice";
import { type RunningServer, serve } from "sluice/node";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { MTIME } from "../files/directory-support.ts";
import { Outcomes, openDescriptors, patternBytes, temporaryFolder } from "../files/support.ts";
import { selfSigned } from "../helpers/certificate.ts";
import { until } from "../helpers/deadline.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { type WireAnswer, type WireProtocol, send } from "../helpers/wire-client.ts";

/** More than a connection takes for a reader that sleeps. */
const SIZE = 32 * 1024 * 1024;
const PROTOCOLS: readonly WireProtocol[] = ["http/1.1", "https/1.1", "h2"];
const root = temporaryFolder();
const path = join(root, "file.bin");
const bytes = patternBytes(SIZE);
const reports = watchReports();
const outcomes = new Outcomes();
let plain: RunningServer;
let secure: RunningServer;

beforeAll(async () => {
  const handler = directory(root, { onFinish: outcomes.onFinish });
  plain = await serve(handler, { port: 0 });
  secure = await serve(handler, { port: 0, tls: selfSigned() });
  writeFileSync(join(root, "next.txt"), "the next answer");
});
afterAll(async () => {
  await plain.destroy();
  await secure.destroy();
});
beforeEach(() => {
  writeFileSync(path, bytes);
  chmodSync(path, 0o644);
  utimesSync(path, MTIME, MTIME);
  outcomes.all.length = 0;
});

/** What a failed assertion can print. */
const lengthOfRest = async (answer: WireAnswer): Promise<number> => (await answer.readAll()).length;

/** Writes into the file as it is. */
function writeOver(position: number): void {
  const descriptor = openSync(path, "r+");
  writeSync(descriptor, "written over", position);
  closeSync(descriptor);
}

const HARMLESS: Record<string, () => void> = {
  grows: () => appendFileSync(path, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
  "is replaced": () => {
    writeFileSync(`${path}.new`, "new");
    renameSync(`${path}.new`, path);
  },
  "is deleted": () => rmSync(path),
  "gets another mode": () => chmodSync(path, 0o600),
  "is touched with the time that it had": () => utimesSync(path, new Date(), MTIME),
};
const HARMFUL: Record<string, () => void> = {
  "becomes shorter": () => truncateSync(path, 100_000),
  "becomes a little shorter": () => truncateSync(path, SIZE - 1),
  "becomes empty": () => truncateSync(path, 0),
  "is written over at its beginning": () => writeOver(0),
  "is written over at its end": () => writeOver(SIZE - 12),
  "is written anew, as long as it was": () => writeFileSync(path, Buffer.alloc(SIZE, "x")),
};
const PARTS = `bytes=0-9,500-${SIZE - 1000}`;

describe.each(PROTOCOLS)("on %s, a file that", (protocol) => {
  const portOf = (): number => (protocol === "http/1.1" ? plain : secure).port;
  const start = async (headers: Record<string, string> = {}): ReturnType<typeof send> => {
    const answer = await send(protocol, portOf(), "/file.bin", { headers });
    await answer.read();
    return answer;
  };

  // All of it once; the other protocols end bodies in other ways, of which there are two.
  const some = (of: object, few: string[]): string[] => (protocol === "http/1.1" ? Object.keys(of) : few);

  it.each(some(HARMLESS, ["grows", "is replaced"]))("%s is sent as it was", async (change) => {
    const answer = await send(protocol, portOf(), "/file.bin");
    const first = (await answer.read())!;
    HARMLESS[change]!();
    const body = Buffer.concat([first, await answer.readAll()]);
    expect(body.equals(bytes)).toBe(true);
    await until(() => outcomes.all.length === 1, "the outcome");
    expect(outcomes.all).toMatchObject([{ outcome: "completed", bytes: SIZE }]);
  });

  it.each(some(HARMFUL, ["becomes shorter", "is written over at its beginning"]))(
    "%s is broken off, and reported",
    async (change) => {
      const answer = await start();
      HARMFUL[change]!();
      await expect(lengthOfRest(answer)).rejects.toThrow();
      await until(() => outcomes.all.length === 1, "the outcome");
      expect(outcomes.all).toMatchObject([{ outcome: "failed", error: { code: "ERR_FILE_CHANGED" } }]);
      expect(outcomes.all[0]!.bytes).toBeLessThan(SIZE);
      expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
      await until(() => openDescriptors(path) === 0, "closing the file", 1_000);
    },
  );

  it.each(["becomes shorter", "is written over at its end"])("%s is broken off in parts, too", async (change) => {
    const answer = await start({ Range: PARTS });
    expect(answer.headers["content-type"]).toMatch(/^multipart/u);
    HARMFUL[change]!();
    await expect(lengthOfRest(answer)).rejects.toThrow();
    await until(() => outcomes.all.length === 1, "the outcome");
    expect(outcomes.all).toMatchObject([{ outcome: "failed", error: { code: "ERR_FILE_CHANGED" } }]);
    expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
  });
});

it("a part of which every byte is there is broken off where the file became shorter behind it", async () => {
  const answer = await send("http/1.1", plain.port, "/file.bin", { headers: { Range: `bytes=0-${SIZE - 1_000_000}` } });
  await answer.read();
  truncateSync(path, SIZE - 500_000);
  await expect(lengthOfRest(answer)).rejects.toThrow();
  await until(() => outcomes.all.length === 1, "the outcome");
  expect(outcomes.all).toMatchObject([{ outcome: "failed", error: { code: "ERR_FILE_CHANGED" } }]);
  expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
});

describe("with the next request written already", () => {
  it.each([false, true])("nothing of its answer takes the place of the bytes (TLS: %s)", async (tls) => {
    for (const [change, field] of [
      ["becomes shorter", "X: y"],
      ["is written over at its end", "X: y"],
      ["becomes shorter", `Range: ${PARTS}`],
      ["is written over at its end", `Range: bytes=100-`],
    ] as const) {
      writeFileSync(path, bytes);
      utimesSync(path, MTIME, MTIME);
      using client = await RawClient.connect((tls ? secure : plain).port, { tls });
      client.get("/file.bin", field);
      await until(() => client.byteLength > 1_000, "the first bytes");
      client.pause();
      client.get("/next.txt");
      HARMFUL[change]!();
      client.resume();
      await client.end(15_000);
      expect(client.text.match(/HTTP\/1\.1 /gu)).toHaveLength(1);
      expect(client.text).not.toContain("the next answer");
      const length = Number(/content-length: (\d+)/iu.exec(client.text)![1]);
      expect(client.byteLength - client.bytes.indexOf("\r\n\r\n") - 4).toBeLessThan(length);
      await until(() => reports.take("SOURCE_FAILED").length > 0, "the report");
    }
  });
});

describe("a small file that changes between its opening and its reading", () => {
  const small = join(root, "small.txt");
  const get = async (change: () => void): Promise<Response> => {
    writeFileSync(small, "small text");
    utimesSync(small, MTIME, MTIME);
    const response = await directory(root)(new Request("http://host/small.txt"));
    change();
    return response;
  };

  it.each([
    ["written over", () => writeFileSync(small, "other text")],
    ["emptied", () => truncateSync(small, 0)],
  ])("is an error where it is %s, and nothing of it is sent", async (_how, change) => {
    await using server = await serve(() => get(change), { port: 0 });
    const response = await fetch(server.url);
    expect([response.status, await response.json()]).toEqual([500, { title: "Internal Server Error", status: 500 }]);
    expect(response.headers.has("ETag")).toBe(false);
    expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
  });

  it("is broken off where it is cut short", async () => {
    await using server = await serve(() => get(() => truncateSync(small, 3)), { port: 0 });
    await expect(fetch(server.url).then((response) => response.text())).rejects.toThrow();
    expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
  });
});
