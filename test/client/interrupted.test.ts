import { existsSync, readFileSync, readdirSync, truncateSync } from "node:fs";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary.ts";
import {
  CONTENT,
  FaultServer,
  SHA_256,
  breakOff,
  get,
  head,
  inside,
  partOf,
  sends,
  sound,
  stateOf,
} from "./support.ts";

const folder = temporaryFolder();
let count = 0;
const fresh = (): string => inside(folder.path, `file-${count++}`);
const digestField = `Repr-Digest: sha-256=:${SHA_256.toString("base64")}:`;

/** The file is right, and nothing is left beside it. */
function expectWhole(path: string, content: Uint8Array = CONTENT): void {
  expect(readFileSync(path).equals(content)).toBe(true);
  const name = path.slice(path.lastIndexOf("/") + 1);
  expect(readdirSync(folder.path).filter((other) => other.startsWith(`${name}.`))).toEqual([]);
}

test.each(["end", "reset", "stall"] as const)("asks for the rest after a body's %s", async (how) => {
  await using server = await FaultServer.start(
    sound({ cutAt: 20_000, how }),
    sound({ cutAt: 35_000, how }),
    sound({ fields: [digestField] }),
  );
  const path = fresh();
  const got = await get(server.url, path, { stallTimeoutMs: 200 });
  expect(got).toMatchObject({ failure: undefined, downloaded: { algorithms: ["sha-256"], completeLength: 50_000 } });
  expect(server.requests.map(({ from }) => from)).toEqual([undefined, 20_000, 35_000]);
  expect(server.requests.map(({ fields }) => fields.get("if-range"))).toEqual([null, '"a"', '"a"']);
  expect(server.requests.every(({ fields }) => fields.get("accept-encoding") === "identity")).toBe(true);
  expect(got.notes).toHaveLength(2);
  expectWhole(path);
});

test("another run goes on where the one before gave up, by what is in the file", async () => {
  const path = fresh();
  await using server = await FaultServer.start(sound({ cutAt: 20_000, fields: [digestField] }), sound());
  const first = await get(server.url, path, { retries: 0 });
  expect(first.failure).toContain("The connection broke in the middle of the body");
  expect(existsSync(path)).toBe(false);
  // A crash may have lost some of it.
  truncateSync(partOf(path), 12_345);
  // The digest was told by the first answer only.
  expect(await get(server.url, path)).toMatchObject({ downloaded: { algorithms: ["sha-256"] } });
  expect(server.requests[1]!.from).toBe(12_345);
  expectWhole(path);
});

test("a byte that was changed in the file between two runs is found by the digest, and the next run is right", async () => {
  const path = fresh();
  await using server = await FaultServer.start(sound({ cutAt: 20_000, fields: [digestField] }), sound());
  await get(server.url, path, { retries: 0 });
  const damaged = readFileSync(partOf(path));
  damaged[100]! ^= 1;
  folder.write(partOf(path).slice(folder.path.length + 1), damaged);
  expect((await get(server.url, path)).failure).toContain(`sha-256 should be ${SHA_256.toString("hex")}, and is `);
  expect(existsSync(partOf(path)) || existsSync(stateOf(path)) || existsSync(path)).toBe(false);
  expect((await get(server.url, path)).failure).toBeUndefined();
  expectWhole(path);
});

test.each([
  ["sha-256", SHA_256.toString("base64").replace(/^./u, (first) => (first === "A" ? "B" : "A"))],
  ["sha-512", Buffer.alloc(64).toString("base64")],
])("a wrong %s of the server is an error, and nothing is left", async (algorithm, base64) => {
  await using server = await FaultServer.start(sound({ fields: [`Repr-Digest: ${algorithm}=:${base64}:`] }));
  const path = fresh();
  expect((await get(server.url, path)).failure).toContain(`${algorithm} should be`);
  expect(existsSync(path) || existsSync(partOf(path)) || existsSync(stateOf(path))).toBe(false);
});

test("what the user says of the bytes is compared, too", async () => {
  await using server = await FaultServer.start(sound());
  const path = fresh();
  const wrong = await get(server.url, path, { digests: new Map([["sha-256", Buffer.alloc(32)]]) });
  expect(wrong.failure).toContain("--sha256");
  expect((await get(server.url, path, { digests: new Map([["sha-256", SHA_256]]) })).downloaded?.algorithms).toEqual([
    "sha-256",
  ]);
  expectWhole(path);
});

test("a digest in the trailer is compared", async () => {
  const chunked = (digest: string): string =>
    `${head(200, "Transfer-Encoding: chunked", "Trailer: Repr-Digest")}5\r\nhello\r\n0\r\nRepr-Digest: sha-256=:${digest}:\r\n\r\n`;
  await using server = await FaultServer.start(sends(chunked(SHA_256.toString("base64"))));
  expect((await get(server.url, fresh())).failure).toContain("sha-256 should be");
});

test("what has changed on the server is fetched from the beginning", async () => {
  const other = Buffer.from(CONTENT.toReversed());
  await using server = await FaultServer.start(sound({ cutAt: 20_000 }), sound({ content: other, etag: '"b"' }));
  const path = fresh();
  const got = await get(server.url, path);
  expect(got.notes.at(-1)).toBe("It has changed on the server: starting again from zero");
  expectWhole(path, other);
});

test.each([
  [
    "a weak tag",
    { etag: 'W/"a"', fields: ["Last-Modified: Tue, 01 Sep 2026 00:00:00 GMT", "Date: Tue, 01 Sep 2026 01:00:00 GMT"] },
  ],
  ["no tag", { etag: undefined }],
  [
    "a date of the same second",
    {
      etag: undefined,
      fields: ["Last-Modified: Tue, 01 Sep 2026 00:00:00 GMT", "Date: Tue, 01 Sep 2026 00:00:00 GMT"],
    },
  ],
])("with %s it asks for everything again", async (_what, options) => {
  const act = (cutAt: number): ReturnType<typeof sound> => sound({ ...options, etag: options.etag, cutAt });
  // `etag: undefined` must not become the default.
  const plain = (cutAt: number): ReturnType<typeof sends> =>
    sends(
      head(200, `Content-Length: ${CONTENT.byteLength}`, ...("fields" in options ? options.fields : [])),
      CONTENT.subarray(0, cutAt),
    );
  await using server = await (options.etag
    ? FaultServer.start(act(20_000), act(Infinity))
    : FaultServer.start(plain(20_000), plain(CONTENT.byteLength)));
  const path = fresh();
  const got = await get(server.url, path);
  expect(got.notes.at(-1)).toBe("What came has no strong validator: starting again from zero");
  expect(server.requests.map(({ fields }) => fields.get("range") ?? fields.get("if-range"))).toEqual([null, null]);
  expectWhole(path);
});

test("a date that is a second older than its answer is sent as it came", async () => {
  const modified = "Tue, 01 Sep 2026 00:00:00 GMT";
  const fields = [`Last-Modified: ${modified}`, "Date: Tue, 01 Sep 2026 00:00:01 GMT"];
  await using server = await FaultServer.start(
    sends(head(200, "Content-Length: 10", ...fields), "01234"),
    sends(head(206, "Content-Length: 5", "Content-Range: bytes 5-9/10", ...fields), "56789"),
  );
  const path = fresh();
  await get(server.url, path);
  expect(server.requests[1]!.fields.get("if-range")).toBe(modified);
  expectWhole(path, Buffer.from("0123456789"));
});

test("the same bytes from the start, where a range is ignored, are passed over", async () => {
  await using server = await FaultServer.start(
    sound({ cutAt: 20_000 }),
    sound({ ignoresRange: true, cutAt: 30_000 }),
    sound(),
  );
  const path = fresh();
  await get(server.url, path);
  expect(server.requests.map(({ from }) => from)).toEqual([undefined, 20_000, 30_000]);
  expectWhole(path);
});

test("a part that begins before what was asked is used from there on", async () => {
  await using server = await FaultServer.start(
    sound({ cutAt: 20_000 }),
    sends(
      head(206, "Content-Length: 31000", "Content-Range: bytes 19000-49999/50000", 'ETag: "a"'),
      CONTENT.subarray(19_000),
    ),
  );
  const path = fresh();
  expect((await get(server.url, path)).failure).toBeUndefined();
  expectWhole(path);
});

test("a part that ends early is followed by a request for the rest", async () => {
  const part = (first: number, last: number): ReturnType<typeof sends> =>
    sends(
      head(206, `Content-Length: ${last - first + 1}`, `Content-Range: bytes ${first}-${last}/50000`, 'ETag: "a"'),
      CONTENT.subarray(first, last + 1),
    );
  await using server = await FaultServer.start(sound({ cutAt: 20_000 }), part(20_000, 29_999), part(30_000, 49_999));
  const path = fresh();
  const got = await get(server.url, path);
  expect(got.notes).toHaveLength(1);
  expectWhole(path);
});

test.each([
  ["begins later", ["Content-Range: bytes 20001-49999/50000", 'ETag: "a"']],
  ["has another length", ["Content-Range: bytes 20000-49998/49999", 'ETag: "a"']],
  ["has another tag", ["Content-Range: bytes 20000-49999/50000", 'ETag: "b"']],
  ["has no tag", ["Content-Range: bytes 20000-49999/50000"]],
  ["has no Content-Range", ['ETag: "a"']],
  ["has several parts", ["Content-Type: multipart/byteranges; boundary=x", 'ETag: "a"']],
])("a part that %s is not used, and what is there is kept", async (_what, fields) => {
  await using server = await FaultServer.start(
    sound({ cutAt: 20_000 }),
    // Without a length, so that nothing but the field can tell.
    (socket) => {
      socket.write(head(206, ...fields));
      breakOff(
        socket,
        CONTENT.subarray(20_000).map((byte) => byte ^ 255),
        "end",
      );
    },
  );
  const path = fresh();
  const got = await get(server.url, path);
  expect(got.failure).toContain("The server answered a part");
  expect(readFileSync(partOf(path)).equals(CONTENT.subarray(0, 20_000))).toBe(true);
});

test("416 with as many bytes as are there is the end", async () => {
  const chunked = head(200, "Transfer-Encoding: chunked", 'ETag: "a"');
  // All that there is has come, but not the last chunk.
  await using server = await FaultServer.start(
    sends(chunked, "a\r\n0123456789\r\n"),
    sound({ content: Buffer.from("0123456789") }),
  );
  const path = fresh();
  expect((await get(server.url, path)).downloaded?.completeLength).toBe(10);
  expect(server.requests[1]!.from).toBe(10);
  expectWhole(path, Buffer.from("0123456789"));
});

test("416 with any other length begins again", async () => {
  const chunked = head(200, "Transfer-Encoding: chunked", 'ETag: "a"');
  const shorter = sound({ content: Buffer.from("0123") });
  await using server = await FaultServer.start(sends(chunked, "a\r\n0123456789\r\n"), shorter);
  const path = fresh();
  expect((await get(server.url, path)).failure).toBeUndefined();
  expectWhole(path, Buffer.from("0123"));
});

test("a body that only the connection ends, and a reset cuts, is not whole", async () => {
  await using server = await FaultServer.start((socket) => {
    socket.write("HTTP/1.0 200 OK\r\n\r\n");
    breakOff(socket, CONTENT.subarray(0, 1000), "reset");
  });
  const path = fresh();
  expect((await get(server.url, path, { retries: 0 })).failure).toContain("ECONNRESET");
  expect(existsSync(path)).toBe(false);
});

test("a coded body is refused", async () => {
  await using server = await FaultServer.start(sound({ fields: ["Content-Encoding: gzip"] }));
  expect((await get(server.url, fresh())).failure).toContain("Content-Encoding: gzip");
  expect(server.requests).toHaveLength(1);
});

test.each([401, 403, 404, 410])("%i is not asked for again", async (status) => {
  await using server = await FaultServer.start(sends(head(status, "Content-Length: 0")));
  expect((await get(server.url, fresh())).failure).toContain(`The server answered ${status}: `);
  expect(server.requests).toHaveLength(1);
});

test.each([408, 425, 429, 500, 503])("%i is asked for again, when the server says", async (status) => {
  await using server = await FaultServer.start(
    sends(head(status, "Content-Length: 0", "Retry-After: 0")),
    sends(head(status, "Content-Length: 0", `Retry-After: ${new Date(Date.now() - 1000).toUTCString()}`)),
    sound(),
  );
  const path = fresh();
  // Its own delay would be longer than the test waits.
  expect((await get(server.url, path, { maxDelayMs: 60_000 })).failure).toBeUndefined();
  expectWhole(path);
});

test("it gives up after as many failures as it may, and progress makes them forgotten", async () => {
  const cut = (cutAt: number): ReturnType<typeof sound> => sound({ cutAt });
  await using server = await FaultServer.start(cut(10), cut(10), cut(10), cut(20), cut(20), cut(20), cut(20));
  const got = await get(server.url, fresh(), { retries: 3 });
  expect(got.failure).toContain("(attempt 4 without progress)");
  expect(server.requests).toHaveLength(7);
});

test("a representation that changes with every answer ends", async () => {
  let version = 0;
  await using server = await FaultServer.start((socket, request) =>
    sound({ etag: `"${++version}"`, cutAt: 20_000 })(socket, request),
  );
  const got = await get(server.url, fresh(), { retries: 3 });
  expect(got.failure).toBe("It has changed on the server, again and again");
});

test("more bytes than the length says are not taken for the file's", async () => {
  await using server = await FaultServer.start(sends(head(200, "Content-Length: 4", 'ETag: "a"'), "0123 and more"));
  const path = fresh();
  await get(server.url, path);
  expectWhole(path, Buffer.from("0123"));
});

test("an empty body is an empty file", async () => {
  await using server = await FaultServer.start(sends(head(200, "Content-Length: 0")));
  const path = fresh();
  expect((await get(server.url, path)).downloaded?.completeLength).toBe(0);
  expectWhole(path, Buffer.alloc(0));
});
