import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HttpError, openSpool, spooled } from "sluice";
import { expect, test } from "vitest";
import { curl } from "../helpers/curl.ts";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { AS_IT_IS, readSome, reprDigest, startRig } from "./spool-rig.ts";

const folder = temporaryFolder();
watchReports();
const ranged = (url: string, range: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { headers: { Range: range, ...headers } });

test("one run is made, however many ask for it, and all of them get the same bytes", async () => {
  await using rig = await startRig(folder.path);
  const first = fetch(rig.url);
  const second = fetch(rig.url);
  rig.fed.give("a,b\n", "1,2\n");
  const early = await readSome(await first, 8);
  expect(early.text).toBe("a,b\n1,2\n");
  // Who comes later begins at the first byte.
  const late = fetch(rig.url);
  expect((await readSome(await late, 8)).text).toBe("a,b\n1,2\n");
  rig.fed.give("3,4\n");
  rig.fed.end();
  expect(await early.rest()).toBe("3,4\n");
  expect(await (await second).text()).toBe("a,b\n1,2\n3,4\n");
  const after = await fetch(rig.url);
  expect(await after.text()).toBe("a,b\n1,2\n3,4\n");
  expect(rig.fed.runs).toBe(1);
});

test("the entity tag is the same before and after the end; then there are a length and a digest", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give("12345");
  const url = await rig.run();
  const growing = await fetch(url, { headers: AS_IT_IS });
  const tag = growing.headers.get("ETag");
  expect(tag).toMatch(/^"[0-9a-f]{32}"$/u);
  expect(growing.headers.get("Content-Length")).toBeNull();
  rig.fed.end();
  expect(await growing.text()).toBe("12345");
  const finished = await fetch(url, { headers: AS_IT_IS });
  expect(Object.fromEntries(finished.headers)).toMatchObject({
    etag: tag,
    "content-length": "5",
    "accept-ranges": "bytes",
    "content-type": "text/csv; charset=utf-8",
    "repr-digest": reprDigest("12345"),
  });
  expect(await finished.text()).toBe("12345");
  expect((await fetch(url, { headers: { ...AS_IT_IS, "If-None-Match": tag! } })).status).toBe(304);
});

test.each([
  ["/body", "body?"],
  ["/a/b/body.csv?year=2026&of=a%20b", "body.csv?year=2026&of=a+b&"],
  ["/a/b%2Fc%3Fd", "b%2Fc%3Fd?"],
  ["/folder/", "?"],
  ["/folder/?year=2026", "?year=2026&"],
  ["/", "?"],
  ["/javascript:body", "./javascript:body?"],
  ["/a:b/body", "body?"],
])("the run's own address is told relative to %s, with its last segment: %srun=…", async (target, location) => {
  await using rig = await startRig(folder.path);
  const url = new URL(target, rig.url);
  const first = await fetch(url, { redirect: "manual" });
  expect(first.headers.get("Location")).toBe(`${location}run=${rig.spool.list()[0]!.record.id}`);
  const own = new URL(first.headers.get("Location")!, url);
  expect([own.origin, own.pathname]).toEqual([url.origin, url.pathname]);
  rig.fed.give("1");
  rig.fed.end();
  expect(await (await fetch(own)).text()).toBe("1");
});

test.each(["bytes=1-", "bytes=100-", "Bytes=007-", "bytes= 5- "])(
  "%s of no run in particular, where none is there, is 409, and makes none",
  async (range) => {
    await using rig = await startRig(folder.path);
    const refused = await ranged(rig.url, range);
    expect([refused.headers.get("Cache-Control"), await refused.json()]).toEqual([
      "no-store",
      {
        status: 409,
        title: "Conflict",
        detail: "There is no run any more that this could be the rest of: begin anew, without Range",
      },
    ]);
    expect([refused.status, rig.spool.list(), rig.fed.runs]).toEqual([409, [], 0]);
  },
);

test.each<[range: string, headers: Record<string, string>]>([
  ["bytes=0-", {}],
  ["bytes=000-", {}],
  ["bytes=5-9", {}],
  ["bytes=-5", {}],
  ["bytes=5-,7-", {}],
  ["lines=5-", {}],
  ["bytes=5-", { "If-Range": '"another"' }],
])("%s with %j makes a run", async (range, headers) => {
  await using rig = await startRig(folder.path);
  rig.fed.give("1");
  const response = await fetch(rig.url, { headers: { Range: range, ...headers }, redirect: "manual" });
  expect(response.status).toBe(303);
  await until(() => rig.fed.runs === 1, "the run");
  rig.fed.end();
});

test("the rest is asked for of a run that is there, or is just being begun: 303", async () => {
  const spool = await openSpool({ folder: join(folder.path, "joined") });
  const handler = spooled("joined", () => ["1234567890"], { spool });
  const ask = (headers: Record<string, string> = {}): Promise<Response> =>
    handler(new Request("http://host/joined", { headers }));
  const rest = { Range: "bytes=5-" };
  const responses = await Promise.all([ask(), ask(rest)]);
  await spool.list()[0]!.ended;
  responses.push(await ask(rest));
  expect(responses.map(({ status }) => status)).toEqual([303, 303, 303]);
  expect(new Set(responses.map(({ headers }) => headers.get("Location"))).size).toBe(1);
  await spool.remove(spool.list()[0]!);
  expect((await ask(rest)).status).toBe(409);
  await spool.close();
});

test("the digest has its old name, too, where it is asked for by it", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give("12345");
  rig.fed.end();
  const url = await rig.run();
  await rig.spool.list()[0]!.ended;
  const asked = { ...AS_IT_IS, "Want-Digest": "SHA-512;q=1, SHA-256;q=1, SHA;q=0.1" };
  const digest = `SHA-256=${reprDigest("12345").slice("sha-256=:".length, -1)}`;
  const whole = await fetch(url, { headers: asked });
  const part = await ranged(url, "bytes=1-2", asked);
  for (const { headers } of [whole, part]) {
    expect([headers.get("Digest"), headers.get("Repr-Digest")]).toEqual([digest, reprDigest("12345")]);
  }
  expect((await fetch(url, { headers: AS_IT_IS })).headers.get("Digest")).toBeNull();
  const unchanged = await fetch(url, { headers: { ...asked, "If-None-Match": whole.headers.get("ETag")! } });
  expect([unchanged.status, unchanged.headers.get("Digest")]).toEqual([304, null]);
});

test("bytes=N- of what grows: what is there and what still comes, with an end that nobody knows (RFC 8673)", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give("0123456789");
  const url = await rig.run();
  const response = await ranged(url, "bytes=4-");
  expect(response.status).toBe(206);
  expect(response.headers.get("Content-Range")).toBe("bytes 4-9007199254740991/*");
  const reading = await readSome(response, 6);
  expect(reading.text).toBe("456789");
  rig.fed.give("abc");
  rig.fed.end();
  expect(await reading.rest()).toBe("abc");
});

test("at the present end a range waits for more; at the final end it is 416", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give("0123");
  const url = await rig.run();
  await readSome(await fetch(url), 4);
  const waiting = ranged(url, "bytes=4-");
  const last = ranged(url, "bytes=6-");
  const short = ranged(url, "bytes=5-100");
  rig.fed.give("45");
  const reading = await readSome(await waiting, 2);
  expect(reading.text).toBe("45");
  const answer = await within(short, "the part");
  expect([answer.status, answer.headers.get("Content-Range"), await answer.text()]).toEqual([206, "bytes 5-5/*", "5"]);
  rig.fed.end();
  expect(await reading.rest()).toBe("");
  expect([(await last).status, (await last).headers.get("Content-Range")]).toEqual([416, "bytes */6"]);
  expect((await ranged(url, "bytes=6-")).status).toBe(416);
  expect(await (await ranged(url, "bytes=-2")).text()).toBe("45");
});

test("the head of a range behind what is there does not wait longer than it is told to", async () => {
  await using rig = await startRig(folder.path, { commitAfterMs: 50 });
  rig.fed.give("01");
  const url = await rig.run();
  await readSome(await fetch(url), 2);
  const response = await within(ranged(url, "bytes=2-"), "the head");
  expect(response.status).toBe(206);
  rig.fed.end();
  expect(await response.text()).toBe("");
});

test("what has no place in a body that grows is answered with all of it", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give("0123");
  const url = await rig.run();
  const responses = await Promise.all(
    ["bytes=-2", "bytes=0-1,3-3", "bytes=3-1", "lines=1-"].map((range) => ranged(url, range)),
  );
  rig.fed.end();
  for (const response of responses) expect([response.status, await response.text()]).toEqual([200, "0123"]);
  const other = await ranged(url, "bytes=1-", { "If-Range": '"another"' });
  expect([other.status, await other.text()]).toEqual([200, "0123"]);
  const same = await ranged(url, "bytes=1-", { "If-Range": other.headers.get("ETag")! });
  expect([same.status, await same.text()]).toEqual([206, "123"]);
});

test("curl goes on where it was cut, on the first address", async () => {
  await using rig = await startRig(folder.path);
  const lines = Array.from({ length: 20_000 }, (_, index) => `${index},row\n`).join("");
  const path = join(folder.path, "resumed.csv");
  rig.fed.give(lines.slice(0, 100_000));
  await readSome(await fetch(rig.url), 100_000);
  writeFileSync(path, lines.slice(0, 70_001));
  const resuming = curl(rig.url, "-L", "-C", "-", "-o", path);
  rig.fed.give(lines.slice(100_000));
  rig.fed.end();
  expect(await resuming).toMatchObject({ exitCode: 0, status: 206 });
  expect((await curl(`file://${path}`)).body.toString()).toBe(lines);
  expect(rig.fed.runs).toBe(1);
});

test("a source that fails breaks every reader, and later ones are told; the next run is a new one", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give("0123456789");
  const url = await rig.run();
  const present = [await fetch(url), await ranged(url, "bytes=3-")];
  const readings = await Promise.all(present.map((response) => readSome(response, 7)));
  const curled = curl(url);
  await until(() => rig.spool.list()[0]!.readers === 3, "three readers");
  rig.fed.end(new HttpError(502, "The source is gone"));
  for (const reading of readings) await expect(reading.rest()).rejects.toThrow("terminated");
  expect((await curled).exitCode).toBe(18);
  const later = await fetch(url);
  expect([later.status, await later.json()]).toEqual([
    502,
    { status: 502, title: "Bad Gateway", detail: "The source is gone" },
  ]);
  rig.fed.give("again");
  rig.fed.end();
  expect(await (await fetch(rig.url)).text()).toBe("again");
  expect(rig.fed.runs).toBe(2);
});

test("a source that fails before its first byte is answered with its status", async () => {
  await using rig = await startRig(folder.path);
  const waiting = fetch(rig.url);
  await until(() => rig.spool.list().length === 1, "the run");
  rig.fed.end(new HttpError(403, "Not yours"));
  expect([(await waiting).status, ((await (await waiting).json()) as { detail: string }).detail]).toEqual([
    403,
    "Not yours",
  ]);
});

test("readers leave, and the source goes on", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give("12");
  const leaving = new AbortController();
  const url = await rig.run();
  await readSome(await fetch(url, { signal: leaving.signal }), 2);
  leaving.abort();
  await until(() => rig.spool.list()[0]!.readers === 0, "the reader's end");
  rig.fed.give("34");
  rig.fed.end();
  expect(await (await fetch(url)).text()).toBe("1234");
});

test("a run that is removed stops its source, and breaks who reads it", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give("12");
  const url = await rig.run();
  const reading = await readSome(await fetch(url), 2);
  const [body] = rig.spool.list();
  await within(rig.spool.remove(body!), "the removal");
  await expect(reading.rest()).rejects.toThrow("terminated");
  expect(rig.fed.cancelled).toMatchObject({ status: 410 });
  expect((await fetch(url)).status).toBe(404);
  expect(rig.spool.usedBytes).toBe(0);
});

test("HEAD makes nothing", async () => {
  await using rig = await startRig(folder.path);
  const response = await fetch(rig.url, { method: "HEAD", redirect: "manual" });
  expect([response.status, rig.fed.runs]).toEqual([200, 0]);
  rig.fed.give("1");
  const url = await rig.run();
  const head = await fetch(url, { method: "HEAD", headers: AS_IT_IS });
  expect([head.status, head.headers.get("ETag") !== null, await head.text()]).toEqual([200, true, ""]);
  expect((await fetch(rig.url, { method: "POST" })).status).toBe(405);
  rig.fed.end();
});

test("a full spool takes no more: 507 before anything is made, and a run that outgrows it fails", async () => {
  await using rig = await startRig(folder.path, { maxBytes: 100_000 });
  const reading = fetch(rig.url);
  rig.fed.give(Buffer.alloc(90_000, "x"));
  const some = await readSome(await reading, 90_000);
  rig.fed.give(Buffer.alloc(20_000, "x"));
  await expect(some.rest()).rejects.toThrow("terminated");
  await until(() => rig.spool.usedBytes === 0, "the room");
  expect(rig.spool.list()[0]!.record).toMatchObject({ state: "failed", failure: { status: 507 } });
  const again = fetch(rig.url);
  rig.fed.give(Buffer.alloc(100_000, "y"));
  rig.fed.end();
  expect((await (await again).arrayBuffer()).byteLength).toBe(100_000);
  const other = spooled("other", () => ["1"], { spool: rig.spool });
  const refused = await other(new Request("http://host/other"));
  expect(refused.status).toBe(507);
});

test("what is older than its time to live is removed, and made anew", async () => {
  await using rig = await startRig(folder.path, { ttlMs: 200 });
  rig.fed.give("1");
  rig.fed.end();
  const url = await rig.run();
  expect(await (await fetch(url)).text()).toBe("1");
  await until(() => rig.spool.list().length === 0, "the sweep");
  expect((await fetch(url)).status).toBe(404);
  rig.fed.give("2");
  rig.fed.end();
  expect(await (await fetch(rig.url)).text()).toBe("2");
});

test("many readers of much, at their own pace, get all of it", { timeout: 60_000 }, async () => {
  await using rig = await startRig(folder.path);
  const block = Buffer.alloc(1024 * 1024, 0).map((_, index) => (index * 31 + (index >>> 9)) & 0xff);
  const readers = Array.from({ length: 8 }, async (_, index) => {
    const first = index * 1_000_003;
    const response = await ranged(await rig.run(), `bytes=${first}-`);
    return { first, bytes: Buffer.from(await response.arrayBuffer()) };
  });
  for (let count = 0; count < 32; count++) rig.fed.give(block);
  rig.fed.end();
  const whole = Buffer.concat(Array.from({ length: 32 }, () => block));
  for (const { first, bytes } of await Promise.all(readers)) expect(bytes.equals(whole.subarray(first))).toBe(true);
});

test("a run that is removed when it is finished breaks those who began while it was made", async () => {
  await using rig = await startRig(folder.path);
  const block = Buffer.alloc(1024 * 1024, "0123456789");
  const response = fetch(rig.url);
  for (let count = 0; count < 40; count++) rig.fed.give(block);
  const reading = await readSome(await response, 10);
  rig.fed.end();
  const [body] = rig.spool.list();
  await body!.ended;
  expect(body!.readers).toBe(1);
  await rig.spool.remove(body!);
  await expect(reading.rest()).rejects.toThrow("terminated");
});

test("a reader who sleeps while much is written gets it when he wakes", { timeout: 60_000 }, async () => {
  await using rig = await startRig(folder.path);
  const block = Buffer.alloc(1024 * 1024, "0123456789");
  rig.fed.give(block);
  const response = await fetch(await rig.run());
  const reading = await readSome(response, 10);
  for (let count = 0; count < 40; count++) rig.fed.give(block);
  const [body] = rig.spool.list();
  await until(() => body!.length === 41 * block.byteLength, "all that is written");
  rig.fed.give("the end");
  rig.fed.end();
  await body!.ended;
  const text = reading.text + (await reading.rest());
  expect(text.length).toBe(41 * block.byteLength + "the end".length);
  expect(text.endsWith("the end")).toBe(true);
});

test("finished bodies outlive the process's spool; what was not finished has failed", async () => {
  const path = join(folder.path, "kept");
  let spool = await openSpool({ folder: path });
  const handler = spooled("kept", () => ["kept"], { spool });
  const first = await handler(new Request("http://host/kept"));
  const url = new URL(first.headers.get("Location")!, "http://host/kept");
  await spool.list()[0]!.ended;
  const never = spooled(
    "never",
    async function* ({ signal }) {
      yield "begun";
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    },
    { spool },
  );
  await never(new Request("http://host/never"));
  await expect(openSpool({ folder: path })).rejects.toThrow("open already");
  await spool.close();
  spool = await openSpool({ folder: path });
  const again = await spooled("kept", () => ["other"], { spool })(new Request(url));
  expect([again.status, again.headers.get("Content-Length"), await again.text()]).toEqual([200, "4", "kept"]);
  expect(spool.list().map(({ record }) => [record.key, record.state, record.failure?.status])).toEqual(
    expect.arrayContaining([
      ["body kept", "finished", undefined],
      ["body never", "failed", 410],
    ]),
  );
  expect(readdirSync(path).filter((name) => name.endsWith(".data"))).toHaveLength(1);
  await spool.close();
});

test("what cannot be is told", async () => {
  expect(() => spooled("", () => [])).toThrow("key is a text");
  expect(() => spooled("a", [] as never)).toThrow("a function that makes one for each run");
  await expect(openSpool({ folder: "" })).rejects.toThrow("folder is a folder's path");
  await expect(openSpool({ folder: "a", maxBytes: 0 })).rejects.toThrow("maxBytes is a number of bytes");
});
