/** Readers of an export as users have them: curl and fetch, on every protocol, plain and under TLS, with gzip and without. */
import { spawn } from "node:child_process";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { constants, gunzipSync } from "node:zlib";
import { selfSigned } from "../../helpers/certificate.ts";
import { within } from "../../helpers/deadline.ts";

/** How an export ended for its reader. */
export interface Ending {
  /** What a script finds out; `fine` where the answer looked complete. */
  readonly how: string;
  readonly status: number;
  /** As the server coded it: curl's body is decoded here, fetch decodes by itself. */
  readonly body: Buffer;
}

/** An export that is being read. */
export interface Reading {
  /** Bytes of the body that have come. */
  readonly byteLength: number;
  readonly ended: Promise<Ending>;
}

export interface Reader {
  readonly name: string;
  readonly tls: boolean;
  readonly gzip: boolean;
  /** Starts to read, at once and as fast as it comes. */
  start(url: string): Reading;
}

interface Protocol {
  readonly name: string;
  readonly tls: boolean;
  /** Of curl; undefined for fetch. */
  readonly options?: readonly string[];
}

const PROTOCOLS: readonly Protocol[] = [
  { name: "curl, HTTP/1.0", tls: false, options: ["--http1.0"] },
  { name: "curl, HTTP/1.1", tls: false, options: ["--http1.1"] },
  // With ALPN this curl offers "http/1.0" only, which Node's server does not know.
  { name: "curl, HTTP/1.0 under TLS", tls: true, options: ["--http1.0", "-k", "--no-alpn"] },
  { name: "curl, HTTP/1.1 under TLS", tls: true, options: ["--http1.1", "-k"] },
  { name: "curl, HTTP/2", tls: true, options: ["--http2", "-k"] },
  { name: "fetch", tls: false },
  { name: "fetch under TLS", tls: true },
];

/** Longer than any test waits: one that hangs fails by the test's own deadline. */
const MAX_SECONDS = 30;
/** What curl says of an answer that has no end: a part is missing, a reset, a broken HTTP/2 stream. */
const CURL_BROKEN: readonly number[] = [18, 56, 92];

export const READERS: readonly Reader[] = PROTOCOLS.flatMap(({ name, tls, options }) =>
  [false, true].map((gzip) => ({
    name: `${name}, ${gzip ? "gzip" : "as it is"}`,
    tls,
    gzip,
    start: (url: string) => (options ? startCurl(url, options, gzip) : startFetch(url, gzip)),
  })),
);

/** Has fetch trust the tests' certificate. */
export function trustTestCertificate(): void {
  setDefaultCACertificates([...getCACertificates(), selfSigned().cert]);
}

/** Whether the reader knows that it has not got all. */
export function isBroken({ how }: Ending): boolean {
  return how === "fetch rejects" || CURL_BROKEN.some((code) => how === `curl ${code}`);
}

/** Waits for its end. A hang is a failure, too. */
export function endOf(reading: Reading, name: string): Promise<Ending> {
  return within(reading.ended, `the end of what ${name} reads`, 15_000);
}

function startCurl(url: string, options: readonly string[], gzip: boolean): Reading {
  const child = spawn(
    "curl",
    [
      "-sN",
      "--noproxy",
      "*",
      "--max-time",
      String(MAX_SECONDS),
      "-w",
      "%{stderr}%{http_code}",
      "-H",
      `Accept-Encoding: ${gzip ? "gzip" : "identity"}`,
      ...options,
      url,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const parts: Buffer[] = [];
  let byteLength = 0;
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    parts.push(chunk);
    byteLength += chunk.length;
  });
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString("latin1")));
  const ended = new Promise<Ending>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      const status = Number(said);
      // A problem is not compressed: it is short.
      const body = gzip && status === 200 ? gunzipped(Buffer.concat(parts)) : Buffer.concat(parts);
      resolve({ how: code === 0 ? "fine" : `curl ${code}`, status, body });
    });
  });
  return {
    get byteLength() {
      return byteLength;
    },
    ended,
  };
}

function startFetch(url: string, gzip: boolean): Reading {
  const parts: Uint8Array[] = [];
  let byteLength = 0;
  let status = 0;
  const read = async (): Promise<string> => {
    try {
      const response = await fetch(url, { headers: { "Accept-Encoding": gzip ? "gzip" : "identity" } });
      ({ status } = response);
      if ((response.headers.get("Content-Encoding") === "gzip") !== (gzip && status === 200)) return "another coding";
      for await (const part of response.body! as unknown as AsyncIterable<Uint8Array>) {
        parts.push(part);
        byteLength += part.length;
      }
      return "fine";
    } catch {
      return "fetch rejects";
    }
  };
  return {
    get byteLength() {
      return byteLength;
    },
    ended: read().then((how) => ({ how, status, body: Buffer.concat(parts) })),
  };
}

/** What there is of a body that was cut. */
function gunzipped(bytes: Buffer): Buffer {
  return bytes.length === 0 ? bytes : gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
}
