import { createHash } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { join } from "node:path";
import { createExchange } from "../../src/cli/get/exchange.ts";
import { PartialFile, type PartialFileOptions } from "../../src/cli/get/partial-file.ts";
import { type DownloadOptions, type Downloaded, download } from "../../src/client/download.ts";
import { withoutCredentials } from "../../src/client/redirect.ts";
import { within } from "../helpers/deadline.ts";

export interface AskedRequest {
  readonly target: string;
  readonly fields: Headers;
  /** Where its range begins. */
  readonly from: number | undefined;
}

/** Answers by hand, byte for byte. */
export type Act = (socket: Socket, request: AskedRequest) => void;

/** A server that plays a script: one act for each connection, the last one again and again. */
export class FaultServer implements AsyncDisposable {
  readonly requests: AskedRequest[] = [];
  readonly #server = createServer((socket) => this.#serve(socket));
  readonly #sockets = new Set<Socket>();
  readonly #acts: Act[];

  private constructor(acts: Act[]) {
    this.#acts = acts;
  }

  static async start(...acts: Act[]): Promise<FaultServer> {
    const server = new FaultServer(acts);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    let head = "";
    socket.on("data", (chunk: Buffer) => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      const [first, ...lines] = head.split("\r\n\r\n", 1)[0]!.split("\r\n");
      head = "";
      const fields = new Headers(
        lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]),
      );
      const from = /^bytes=(\d+)-$/u.exec(fields.get("range") ?? "")?.[1];
      const request = { target: first!.split(" ")[1]!, fields, from: from === undefined ? undefined : Number(from) };
      this.requests.push(request);
      const act = this.#acts.length > 1 ? this.#acts.shift()! : this.#acts[0]!;
      act(socket, request);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

export const CONTENT = Buffer.from(Array.from({ length: 50_000 }, (_, index) => (index * 7919) % 251));
export const SHA_256 = createHash("sha256").update(CONTENT).digest();

/** `ETag: "a"` unless told otherwise. */
export function head(status: number | string, ...fields: string[]): string {
  return `${[`HTTP/1.1 ${status} X`, "Connection: close", ...fields].join("\r\n")}\r\n\r\n`;
}

export interface SoundOptions {
  readonly content?: Buffer;
  readonly etag?: string | undefined;
  readonly fields?: readonly string[];
  /** Where the body breaks off, counted from the first byte of the content. */
  readonly cutAt?: number;
  /** How it breaks off. */
  readonly how?: "end" | "reset" | "stall";
  readonly ignoresRange?: boolean;
}

/** A server as it should be, but for its body's end. */
export function sound(options: SoundOptions = {}): Act {
  const { content = CONTENT, etag = '"a"', fields = [], cutAt = Infinity, how = "end", ignoresRange } = options;
  return (socket, request) => {
    const conditional = request.fields.get("if-range") ?? etag;
    const from = request.from !== undefined && conditional === etag && !ignoresRange ? request.from : undefined;
    const common = [...(etag === undefined ? [] : [`ETag: ${etag}`]), ...fields];
    if (from !== undefined && from >= content.byteLength) {
      socket.end(head(416, `Content-Range: bytes */${content.byteLength}`, "Content-Length: 0", ...common));
      return;
    }
    const start = from ?? 0;
    const lines =
      from === undefined
        ? common
        : [...common, `Content-Range: bytes ${from}-${content.byteLength - 1}/${content.byteLength}`];
    socket.write(head(from === undefined ? 200 : 206, `Content-Length: ${content.byteLength - start}`, ...lines));
    breakOff(socket, content.subarray(start, Math.max(start, cutAt)), how);
  };
}

/** Sends `bytes`, then ends, resets or falls silent. */
export function breakOff(socket: Socket, bytes: Uint8Array, how: "end" | "reset" | "stall"): void {
  socket.write(bytes, () => {
    if (how === "end") socket.end();
    // What was sent before a reset is lost where it was not read yet.
    else if (how === "reset") setTimeout(() => socket.resetAndDestroy(), 30);
  });
}

export function sends(...parts: (string | Uint8Array)[]): Act {
  return (socket) => {
    for (const part of parts) socket.write(part);
    socket.end();
  };
}

export interface GetOptions extends Partial<Omit<DownloadOptions, "signal">> {
  readonly fields?: Record<string, string>;
  readonly stallTimeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly file?: Partial<PartialFileOptions>;
}

export interface Got {
  readonly downloaded: Downloaded | undefined;
  /** Its message. */
  readonly failure: string | undefined;
  readonly notes: readonly string[];
  readonly path: string;
}

/** What `sluice get` does, in this process and without waiting between attempts for long. */
export async function get(url: string, path: string | undefined, options: GetOptions = {}): Promise<Got> {
  const notes: string[] = [];
  const onNote = (note: string): void => void notes.push(note);
  const { digests = new Map<string, Uint8Array>(), file: fileOptions } = options;
  const address = new URL(url);
  await using file = new PartialFile({
    url: withoutCredentials(address).href,
    path,
    replace: false,
    digests,
    onNote,
    onReread: () => {},
    ...fileOptions,
  });
  const run = async (): Promise<Downloaded> => {
    await file.open();
    const downloaded = await download({
      exchange: createExchange({
        url: address,
        fields: new Headers(options.fields),
        connectTimeoutMs: 2000,
        stallTimeoutMs: options.stallTimeoutMs ?? 2000,
      }),
      destination: file,
      digests,
      retries: 3,
      maxDelayMs: 5,
      onNote,
      onProgress: () => {},
      signal: new AbortController().signal,
      ...options,
    });
    await file.finish();
    return downloaded;
  };
  const ended = await within(
    run().then(
      (downloaded) => ({ downloaded, failure: undefined }),
      (error: Error) => ({ downloaded: undefined, failure: error.message }),
    ),
    `the download (${notes.join("; ")})`,
  );
  return { ...ended, notes, path: file.path };
}

export const partOf = (path: string): string => `${path}.part`;
export const stateOf = (path: string): string => `${path}.part.state`;
export const lockOf = (path: string): string => `${path}.part.lock`;
export const inside = (folder: string, name: string): string => join(folder, name);
