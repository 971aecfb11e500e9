import { essence } from "../../http/headers.ts";

const QUOTE = 0x22;
const LINE_FEED = 0x0a;
/** A byte order mark and `sep=`, as spreadsheets want it. */
const LONGEST_START = 7;

/** One record a line; in CSV a line end between quotes is a part of its record (RFC 4180 §2). */
const LINE_TYPES: ReadonlySet<string> = new Set([
  "application/jsonl",
  "application/x-jsonlines",
  "application/x-ndjson",
  "text/tab-separated-values",
]);

/** Counts the records of a body while its bytes pass. */
export class RecordCounter {
  readonly #hasQuotes: boolean;
  /** Records that are none of the rows; undefined where nobody says whether there is a header. */
  readonly #headers: number | undefined;
  #isQuoted = false;
  #ended = 0;
  #bytes = 0;
  #lastByte = LINE_FEED;
  #start = "";

  private constructor(hasQuotes: boolean, headers: number | undefined) {
    this.#hasQuotes = hasQuotes;
    this.#headers = headers;
  }

  /** @returns undefined for a type whose records are not counted */
  static of(contentType: string | null): RecordCounter | undefined {
    if (contentType === null) return undefined;
    const type = essence(contentType);
    if (type === "text/csv") {
      const header = /;\s*header\s*=\s*"?(present|absent)\b/iu.exec(contentType)?.[1]?.toLowerCase();
      return new RecordCounter(true, header === undefined ? undefined : header === "present" ? 1 : 0);
    }
    if (!LINE_TYPES.has(type)) return undefined;
    return new RecordCounter(false, type === "text/tab-separated-values" ? undefined : 0);
  }

  /** O(bytes), one comparison or two for each. */
  add(chunk: Uint8Array): void {
    const { byteLength } = chunk;
    if (byteLength === 0) return;
    if (this.#bytes < LONGEST_START) this.#start += Buffer.from(chunk.subarray(0, LONGEST_START)).toString("latin1");
    this.#bytes += byteLength;
    this.#lastByte = chunk[byteLength - 1]!;
    if (this.#hasQuotes) this.#addQuoted(chunk);
    else for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) this.#ended++;
  }

  /** What has come so far, as a person reads it: rows, or records where a header may be one of them. */
  describe(): string {
    const count = this.#count();
    const headers = this.#headers;
    const [number, unit] = headers === undefined ? [count, "record"] : [Math.max(0, count - headers), "row"];
    return `${formatCount(number)} ${unit}${number === 1 ? "" : "s"}`;
  }

  /** Whether that many rows have come, as far as one can tell. */
  mayBe(rows: number): boolean {
    const count = this.#count();
    const headers = this.#headers;
    return headers === undefined ? count === rows || count === rows + 1 : count === rows + headers;
  }

  /** Records, the last one included where no line end is behind it. */
  #count(): number {
    const isWhole = this.#lastByte === LINE_FEED && !this.#isQuoted;
    const separator = /^(?:\xEF\xBB\xBF)?sep=/u.test(this.#start) && this.#hasQuotes ? 1 : 0;
    return Math.max(0, this.#ended + (isWhole ? 0 : 1) - separator);
  }

  #addQuoted(chunk: Uint8Array): void {
    let isQuoted = this.#isQuoted;
    let ended = this.#ended;
    for (let index = 0; index < chunk.byteLength; index++) {
      const byte = chunk[index];
      if (byte === QUOTE) isQuoted = !isQuoted;
      else if (byte === LINE_FEED && !isQuoted) ended++;
    }
    this.#isQuoted = isQuoted;
    this.#ended = ended;
  }
}

/** `1,234,567`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}
