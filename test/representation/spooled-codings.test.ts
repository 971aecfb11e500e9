import { createHash } from "node:crypto";
import { type IncomingMessage, get } from "node:http";
import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, createGunzip, gunzipSync, zstdDecompressSync } from "node:zlib";
import { HttpError, openSpool, spooled } from "sluice";
import { expect, test } from "vitest";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { AS_IT_IS, reprDigest, startRig } from "./spool-rig.ts";

const folder = temporaryFolder();
const reports = watchReports();

const DECODERS = { zstd: zstdDecompressSync, br: brotliDecompressSync, gzip: gunzipSync };
const CODINGS = Object.keys(DECODERS) as (keyof typeof DECODERS)[];
const LINES = Array.from({ length: 40_000 }, (_, index) => `${index},row of a table\n`).join("");

interface Raw {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly trailers: Record<string, string | undefined>;
  /** As they came. */
  readonly bytes: Buffer;
}

function open(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, { headers, agent: false }, resolve).on("error", reject));
}

async function raw(url: string, headers: Record<string, string>): Promise<Raw> {
  const response = await open(url, headers);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const { statusCode: status = 0, trailers } = response;
  return { status, headers: response.headers, trailers, bytes: Buffer.concat(chunks) };
}

test.each(CODINGS)(
  "%s: coded once, in a file of its own, with its own tag before and after the end",
  async (coding) => {
    await using rig = await startRig(folder.path);
    rig.fed.give(LINES);
    const url = await rig.run();
    const asked = { "Accept-Encoding": coding };
    const growing = [raw(url, asked), raw(url, asked)];
    await until(() => rig.spool.list()[0]!.codings.size === 1, "the coding");
    rig.fed.end();
    const [first, second] = await Promise.all(growing);
    const after = await raw(url, asked);
    const asItIs = await raw(url, AS_IT_IS);
    for (const { status, headers, bytes } of [first!, second!, after]) {
      expect(status).toBe(200);
      expect(headers).toMatchObject({ "content-encoding": coding, vary: "Accept-Encoding", etag: first!.headers.etag });
      expect(DECODERS[coding](bytes).toString()).toBe(LINES);
      expect(bytes.equals(after.bytes)).toBe(true);
    }
    expect(first!.trailers["repr-digest"]).toBe(reprDigest(after.bytes));
    expect(after.headers).toMatchObject({
      "content-length": String(after.bytes.byteLength),
      "repr-digest": reprDigest(after.bytes),
    });
    expect(asItIs.headers).toMatchObject({ vary: "Accept-Encoding", "repr-digest": reprDigest(LINES) });
    expect(asItIs.headers.etag).not.toBe(after.headers.etag);
    expect(rig.spool.usedBytes).toBe(LINES.length + after.bytes.byteLength);
    expect((await raw(url, { ...asked, "If-None-Match": after.headers.etag! })).status).toBe(304);
  },
);

test("a range is one of the bytes as they are, unless If-Range has the coding's tag", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give(LINES);
  rig.fed.end();
  const url = await rig.run();
  const asked = { "Accept-Encoding": "gzip" };
  const whole = await raw(url, asked);
  await rig.spool.list()[0]!.codings.get("gzip")!.ended;
  const plain = await raw(url, { ...asked, Range: "bytes=10-" });
  expect([plain.status, plain.headers["content-encoding"], plain.bytes.toString()]).toEqual([
    206,
    undefined,
    LINES.slice(10),
  ]);
  const rest = await raw(url, { ...asked, Range: "bytes=1000-", "If-Range": whole.headers.etag! });
  expect([rest.status, rest.headers["content-encoding"], rest.headers["content-range"]]).toEqual([
    206,
    "gzip",
    `bytes 1000-${whole.bytes.byteLength - 1}/${whole.bytes.byteLength}`,
  ]);
  expect(gunzipSync(Buffer.concat([whole.bytes.subarray(0, 1000), rest.bytes])).toString()).toBe(LINES);
  const other = await raw(url, { ...asked, Range: "bytes=1000-", "If-Range": '"another"' });
  expect([other.status, other.bytes.toString()]).toEqual([200, LINES]);
});

test("what is coded can be decoded at once, while more is still to come", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give("first\n");
  const response = await open(await rig.run(), { "Accept-Encoding": "gzip" });
  const decoded = response.pipe(createGunzip());
  let text = "";
  decoded.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await until(() => text === "first\n", "the first line");
  rig.fed.give("second\n");
  await until(() => text === "first\nsecond\n", "the second line");
  rig.fed.end();
  await within(new Promise((resolve) => decoded.once("end", resolve)), "the end");
});

test("HEAD makes no coding, and tells of one that is there", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give(LINES);
  rig.fed.end();
  const url = await rig.run();
  const head = async (): Promise<Headers> => (await fetch(url, { method: "HEAD" })).headers;
  const before = await head();
  expect([before.get("Content-Encoding"), before.get("ETag"), before.get("Content-Length")]).toEqual([
    "gzip",
    null,
    null,
  ]);
  expect(rig.spool.list()[0]!.codings.size).toBe(0);
  const { headers, bytes } = await raw(url, { "Accept-Encoding": "gzip" });
  await rig.spool.list()[0]!.codings.get("gzip")!.ended;
  const after = await head();
  expect([after.get("Content-Encoding"), after.get("ETag"), after.get("Content-Length")]).toEqual([
    "gzip",
    headers.etag,
    String(bytes.byteLength),
  ]);
});

test("a source that fails breaks the readers of a coding, too; who comes later has its status", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give(LINES);
  const url = await rig.run();
  const response = await open(url, { "Accept-Encoding": "zstd" });
  const reading = (async () => {
    for await (const _ of response);
  })();
  await until(() => rig.spool.list()[0]!.codings.size === 1, "the coding");
  rig.fed.end(new HttpError(403, "Not yours"));
  await expect(reading).rejects.toThrow("aborted");
  const later = await raw(url, { "Accept-Encoding": "zstd" });
  expect([later.status, later.headers["content-encoding"]]).toEqual([403, undefined]);
  await until(() => rig.spool.usedBytes === 0, "the room");
});

test("a failure that is not to be told is reported once", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give(LINES);
  const url = await rig.run();
  const reading = raw(url, { "Accept-Encoding": "gzip" });
  await until(() => rig.spool.list()[0]!.codings.size === 1, "the coding");
  rig.fed.end(new Error("secret"));
  await expect(reading).rejects.toThrow("aborted");
  await rig.spool.list()[0]!.codings.get("gzip")!.ended;
  expect(reports.takeAll().map(({ code, error }) => [code, String(error)])).toEqual([
    ["SOURCE_FAILED", "Error: secret"],
  ]);
});

test("without room for a coding the bytes are sent as they are, and a coding does not take the room of bodies", async () => {
  await using rig = await startRig(folder.path, { maxBytes: LINES.length + 20_000 });
  rig.fed.give(LINES);
  rig.fed.end();
  const url = await rig.run();
  await rig.spool.list()[0]!.ended;
  const sent = await raw(url, { "Accept-Encoding": "gzip" });
  expect([sent.status, sent.headers["content-encoding"], sent.bytes.toString()]).toEqual([200, undefined, LINES]);
  expect(rig.spool.usedBytes).toBe(LINES.length);
});

test("what outgrows its room while it is coded is sent as it is from then on", async () => {
  await using rig = await startRig(folder.path, { maxBytes: 400_000 });
  // Random bytes don't become shorter: with their coding they are more than there is room for.
  const random = createHash("shake256", { outputLength: 260_000 }).update("seed").digest();
  rig.fed.give(random);
  const url = await rig.run();
  const reading = raw(url, { "Accept-Encoding": "gzip" });
  await expect(reading).rejects.toThrow("aborted");
  rig.fed.end();
  const later = await raw(url, { "Accept-Encoding": "gzip" });
  expect([later.status, later.headers["content-encoding"]]).toEqual([200, undefined]);
  expect(later.bytes.equals(random)).toBe(true);
  expect(rig.spool.usedBytes).toBe(random.byteLength);
});

test("codings go with their body, and with its time to live", async () => {
  const path = mkdtempSync(join(folder.path, "spool-"));
  await using rig = await startRig(folder.path, { folder: path });
  rig.fed.give(LINES);
  rig.fed.end();
  const url = await rig.run();
  for (const coding of CODINGS) await raw(url, { "Accept-Encoding": coding });
  const [body] = rig.spool.list();
  await Promise.all([...body!.codings.values()].map((coded) => coded.ended));
  expect(readdirSync(path)).toHaveLength(2 * 4 + 1);
  await rig.spool.remove(body!);
  expect(readdirSync(path)).toEqual(["owner"]);
  expect(rig.spool.usedBytes).toBe(0);
});

test("a finished coding is there again after a restart, with its tag; one that was not is made anew", async () => {
  const path = mkdtempSync(join(folder.path, "spool-"));
  const handlerOf = (spool: Awaited<ReturnType<typeof openSpool>>) =>
    spooled("body", () => [LINES], { mediaType: "text/csv", spool });
  const before = await openSpool({ folder: path });
  const first = await handlerOf(before)(new Request("http://host/body"));
  const target = new URL(first.headers.get("Location")!, "http://host/body").href;
  const ask = (spool: Awaited<ReturnType<typeof openSpool>>, coding: string): Promise<Response> =>
    handlerOf(spool)(new Request(target, { headers: { "Accept-Encoding": coding } }));
  const tags: Record<string, string> = {};
  for (const coding of ["gzip", "br"]) {
    const response = await ask(before, coding);
    tags[coding] = response.headers.get("ETag")!;
    await response.arrayBuffer();
  }
  const [body] = before.list();
  await Promise.all([...body!.codings.values()].map((coded) => coded.ended));
  await before.close();
  // As it is when the process is killed meanwhile.
  const record = join(path, `${tags["br"]!.slice(1, -1)}.json`);
  writeFileSync(record, readFileSync(record, "utf8").replace('"finished"', '"writing"'));

  await using after = { spool: await openSpool({ folder: path }), [Symbol.asyncDispose]: () => after.spool.close() };
  expect(existsSync(record)).toBe(false);
  expect([...after.spool.list()[0]!.codings.keys()]).toEqual(["gzip"]);
  const again = await ask(after.spool, "gzip");
  expect([again.status, again.headers.get("ETag")]).toEqual([200, tags["gzip"]]);
  expect(gunzipSync(Buffer.from(await again.arrayBuffer())).toString()).toBe(LINES);
  const anew = await ask(after.spool, "br");
  expect(anew.headers.get("ETag")).not.toBe(tags["br"]);
  expect(brotliDecompressSync(Buffer.from(await anew.arrayBuffer())).toString()).toBe(LINES);
});

test("compress: false, and a type that is not worth it, have no coding", async () => {
  for (const init of [{ compress: false }, { mediaType: "image/png" }]) {
    await using rig = await startRig(folder.path, init);
    rig.fed.give(LINES);
    rig.fed.end();
    const sent = await raw(await rig.run(), { "Accept-Encoding": "gzip" });
    expect([sent.headers["content-encoding"], sent.headers.vary, sent.bytes.toString()]).toEqual([
      undefined,
      undefined,
      LINES,
    ]);
  }
});
