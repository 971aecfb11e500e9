import { setImmediate as turn } from "node:timers/promises";
import zlib from "node:zlib";
import { type StreamingInit, streamingResponse } from "sluice";
import { type RunningServer, serve } from "sluice/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { selfSigned } from "../helpers/certificate.ts";
import { curl } from "../helpers/curl.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";

const FAILS_AT = [1, 2, 3, 5, 8];
const ITEMS = 12;

/** Small and large ones in turn: some are gathered, some are written as they are. */
const items = Array.from({ length: ITEMS }, (_, index) =>
  (index % 3 === 2 ? `block ${index} ` : `line ${index}\n`).repeat(index % 3 === 2 ? 9000 : 1),
);
const WHOLE = Buffer.from(items.join(""));

const reports = watchReports();
let plain: RunningServer;
let secure: RunningServer;

/** `/?at=3&pace=turn`: fails instead of giving its fourth item; `pace` says whether what came before has been written. */
function* failing(at: number): Generator<string> {
  for (const [index, item] of items.entries()) {
    if (index === at) throw new Error(`fails at ${at}`);
    yield item;
  }
}

async function* failingAfterTurns(at: number): AsyncGenerator<string> {
  for (const item of failing(at)) {
    await turn();
    await turn();
    yield item;
  }
  await turn();
}

beforeAll(async () => {
  const handler = (request: Request): Response => {
    const { searchParams } = new URL(request.url);
    const at = Number(searchParams.get("at"));
    const init: StreamingInit = { mediaType: "text/plain", compress: searchParams.has("compress") };
    if (searchParams.has("length")) init.contentLength = WHOLE.length;
    return streamingResponse(searchParams.has("turns") ? failingAfterTurns(at) : failing(at), init);
  };
  plain = await serve(handler, { port: 0 });
  secure = await serve(handler, { port: 0, tls: selfSigned() });
});
afterAll(async () => {
  await plain.destroy();
  await secure.destroy();
});

interface Protocol {
  name: string;
  options: string[];
  version: string;
  tls?: boolean;
  /** The end of the connection is the body's end, so that a failure must reset it. */
  resets?: boolean;
}

const protocols: Protocol[] = [
  // Node names itself HTTP/1.1 whatever it was asked in.
  { name: "HTTP/1.0", options: ["-0"], version: "1.1", resets: true },
  { name: "HTTP/1.1", options: ["--http1.1"], version: "1.1" },
  // With ALPN this curl offers "http/1.0" only, which Node's server does not know.
  { name: "HTTP/1.0 under TLS", options: ["-0", "-k", "--no-alpn"], version: "1.1", tls: true, resets: true },
  { name: "HTTP/1.1 under TLS", options: ["--http1.1", "-k"], version: "1.1", tls: true },
  { name: "HTTP/2", options: ["--http2", "-k"], version: "2", tls: true },
];

type Decode = (bytes: Buffer) => Buffer;

/** Decoders that give what there is of a body that was cut. */
const decoders: Record<string, Decode> = {
  gzip: (bytes) => zlib.gunzipSync(bytes, { finishFlush: zlib.constants.Z_SYNC_FLUSH }),
  br: (bytes) => zlib.brotliDecompressSync(bytes, { finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH }),
  zstd: (bytes) => zlib.zstdDecompressSync(bytes, { finishFlush: zlib.constants.ZSTD_e_flush }),
};

interface Variant {
  query: string;
  options: string[];
  decode: Decode;
}

const asItIs: Decode = (bytes) => bytes;
const variants: Record<string, Variant> = {
  "as it is": { query: "", options: [], decode: asItIs },
  "with a Content-Length": { query: "&length", options: [], decode: asItIs },
  ...Object.fromEntries(
    Object.entries(decoders).map(([coding, decode]) => [
      `in ${coding}`,
      { query: "&compress", options: ["-H", `Accept-Encoding: ${coding}`], decode },
    ]),
  ),
};

describe.each(protocols)("a source that fails, on $name", ({ options, version, tls, resets }) => {
  const url = (query: string): string => `${(tls ? secure : plain).url}/?${query}`;

  it.each(Object.entries(variants))("breaks the body visibly: %s", async (_, variant) => {
    for (const turns of ["", "&turns"]) {
      const runs = FAILS_AT.map(async (at) => ({
        at,
        answer: await curl(url(`at=${at}${turns}${variant.query}`), ...options, ...variant.options),
      }));
      for (const { at, answer } of await Promise.all(runs)) {
        const what = `fails at ${at}${turns}`;
        // A reset throws away what the reader has not taken yet, and that may be all.
        if (!resets || answer.status > 0) expect(answer.httpVersion, what).toBe(version);
        expect(answer.exitCode, what).not.toBe(0);
        expect(answer.exitCode, `${what}: it hangs`).not.toBe(28);
        const received = answer.body.length > 0 ? variant.decode(answer.body) : answer.body;
        expect(received.equals(WHOLE.subarray(0, received.length)), `${what}: a part of the good bytes`).toBe(true);
        const given = Buffer.byteLength(items.slice(0, at).join(""));
        if (resets) expect(received.length, what).toBeLessThanOrEqual(given);
        else expect(received.length, `${what}: all that was given before the failure`).toBe(given);
      }
      expect(reports.take("SOURCE_FAILED")).toHaveLength(FAILS_AT.length);
    }
  });

  it("completes where it does not fail, so that the above says something", async () => {
    for (const variant of Object.values(variants)) {
      const answer = await curl(url(`at=-1${variant.query}`), ...options, ...variant.options);
      expect(answer.exitCode).toBe(0);
      expect(variant.decode(answer.body).equals(WHOLE)).toBe(true);
    }
  });

  it("answers 500 where it fails before its first item", async () => {
    const answer = await curl(url("at=0"), ...options);
    expect(answer).toMatchObject({ exitCode: 0, status: 500 });
    expect(answer.body.toString()).not.toContain("fails at");
    expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
  });
});

describe("on a connection that is kept", () => {
  it.each(["", "&length", "&turns", "&length&turns"])(
    "nothing of the next answer follows a broken body (%s)",
    async (query) => {
      using client = await RawClient.connect(plain.port);
      client.get(`/?at=4${query}`);
      client.get("/?at=-1");
      await client.end();
      const text = client.text;
      expect(text.split("HTTP/1.1 ").length - 1, "answers").toBe(1);
      expect(text).not.toMatch(/\r\n0\r\n/u);
      expect(text.includes("line 6")).toBe(false);
      expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
    },
  );

  it("a broken body that waited behind a good one does not follow it as if whole", async () => {
    using client = await RawClient.connect(plain.port);
    client.get("/?at=-1&turns");
    client.get("/?at=4&turns");
    await client.end();
    const answers = client.answers();
    expect(answers.filter(({ complete }) => complete).length).toBeLessThanOrEqual(1);
    expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
  });
});
