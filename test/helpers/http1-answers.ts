/** One HTTP/1 answer as it came over a connection. */
export interface Answer {
  readonly status: number;
  readonly httpVersion: string;
  /** Names in lower case; every value by itself. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
  readonly trailers: ReadonlyMap<string, readonly string[]>;
  readonly framing: "none" | "length" | "chunked" | "close";
  /** The sizes of the chunks, in order. */
  readonly chunks: readonly number[];
  /** The framing says that all of it is there. */
  readonly complete: boolean;
}

interface ParseOptions {
  methods: readonly string[];
  /** The connection has ended: what is delimited by it is complete. */
  ended: boolean;
}

/** Parses all that came, strictly (RFC 9112): bytes that belong to no answer throw. */
export function parseAnswers(bytes: Buffer, { methods, ended }: ParseOptions): Answer[] {
  const answers: Answer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const headEnd = bytes.indexOf("\r\n\r\n", at);
    if (headEnd < 0) break;
    const [statusLine = "", ...lines] = bytes.subarray(at, headEnd).toString("latin1").split("\r\n");
    const start = /^HTTP\/(1\.[01]) (\d{3})(?: |$)/u.exec(statusLine);
    if (!start) throw new Error(`Bytes that belong to no answer: ${JSON.stringify(statusLine.slice(0, 80))}`);
    const headers = parseFields(lines);
    const method = methods[answers.length] ?? "GET";
    const status = Number(start[2]);
    const body = parseBody(bytes, headEnd + 4, { method, status, headers, ended });
    answers.push({ status, httpVersion: start[1]!, headers, ...body.content });
    if (!body.content.complete) break;
    at = body.end;
  }
  return answers;
}

function parseFields(lines: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon <= 0) throw new Error(`A field line without a name: ${JSON.stringify(line)}`);
    const name = line.slice(0, colon).toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return fields;
}

type Content = Omit<Answer, "status" | "httpVersion" | "headers">;

interface BodyContext {
  method: string;
  status: number;
  headers: ReadonlyMap<string, readonly string[]>;
  ended: boolean;
}

/** RFC 9112 §6.3: how long a body is. */
function parseBody(bytes: Buffer, at: number, context: BodyContext): { content: Content; end: number } {
  const { method, status, headers, ended } = context;
  const nothing = { trailers: new Map(), chunks: [] };
  if (method === "HEAD" || status === 204 || status === 304 || status < 200) {
    return { content: { ...nothing, body: Buffer.alloc(0), framing: "none", complete: true }, end: at };
  }
  if (headers.get("transfer-encoding")?.join() === "chunked") {
    if (headers.has("content-length")) throw new Error("Both Transfer-Encoding and Content-Length");
    return parseChunks(bytes, at);
  }
  const lengths = headers.get("content-length");
  if (lengths) {
    if (lengths.length > 1 || !/^\d+$/u.test(lengths[0]!))
      throw new Error(`Content-Length is no length: ${lengths.join()}`);
    const end = at + Number(lengths[0]);
    const body = bytes.subarray(at, end);
    return { content: { ...nothing, body, framing: "length", complete: bytes.length >= end }, end };
  }
  return { content: { ...nothing, body: bytes.subarray(at), framing: "close", complete: ended }, end: bytes.length };
}

function parseChunks(bytes: Buffer, start: number): { content: Content; end: number } {
  const parts: Buffer[] = [];
  const chunks: number[] = [];
  let at = start;
  const give = (complete: boolean, trailers: Map<string, string[]> = new Map()): { content: Content; end: number } => ({
    content: { body: Buffer.concat(parts), trailers, framing: "chunked", chunks, complete },
    end: at,
  });
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return give(false);
    const line = bytes.subarray(at, lineEnd).toString("latin1");
    if (!/^[0-9a-f]+$/iu.test(line)) throw new Error(`A chunk size that is none: ${JSON.stringify(line.slice(0, 40))}`);
    const size = Number.parseInt(line, 16);
    at = lineEnd + 2;
    if (size === 0) {
      const none = bytes.subarray(at, at + 2).toString("latin1") === "\r\n";
      const end = none ? at : bytes.indexOf("\r\n\r\n", at);
      if (end < 0 || bytes.length < at + 2) return give(false);
      const trailers = none
        ? new Map<string, string[]>()
        : parseFields(bytes.subarray(at, end).toString("latin1").split("\r\n"));
      at = none ? at + 2 : end + 4;
      return give(true, trailers);
    }
    chunks.push(Math.min(size, bytes.length - at));
    parts.push(bytes.subarray(at, at + size));
    if (bytes.length < at + size + 2) return give(false);
    if (bytes.subarray(at + size, at + size + 2).toString("latin1") !== "\r\n")
      throw new Error("A chunk without its CRLF");
    at += size + 2;
  }
}
