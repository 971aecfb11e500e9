/** An HTTP/1.1 response, parsed as it arrives: the same as `native/response.c`. */
const MARKER = 0x7e; // "~"
const NEWLINE = 0x0a;
const ZERO = 0x30;
/** Behind each marker there is a number of so many digits, where numbers are read. */
export const NUMBER_DIGITS = 8;

type State = "head" | "sized" | "size" | "chunk" | "after-chunk" | "trailer" | "until-close" | "complete" | "broken";

export class ResponseParser {
  state: State = "head";
  status = 0;
  keepsAlive = true;
  bodyBytes = 0;
  markers = 0;
  /** The offset of the page behind this one, where there is one (Durable Streams). */
  nextPage: string | undefined;
  readonly #countsMarkers: boolean;
  readonly #onNumber: ((number: number) => void) | undefined;
  /** Of the number that is being read. */
  #digitsLeft = 0;
  #number = 0;
  /** Of the head, a size line or the trailer section, what has arrived of it. */
  #text = "";
  #remaining = 0;

  /** @param onNumber - is called with each number behind a marker */
  constructor(countsMarkers: boolean, onNumber?: (number: number) => void) {
    this.#countsMarkers = countsMarkers;
    this.#onNumber = onNumber;
  }

  get ended(): boolean {
    return this.state === "complete" || this.state === "broken";
  }

  feed(bytes: Buffer): void {
    for (let at = 0; at < bytes.length && this.state !== "broken";) {
      if (this.state === "head") at = this.#takeHead(bytes, at);
      else if (this.state === "chunk" || this.state === "sized") at = this.#takeCounted(bytes, at);
      else if (this.state === "until-close") at = this.#takeBody(bytes, at, bytes.length);
      else if (this.state === "complete") this.state = "broken";
      else at = this.#takeLine(bytes, at);
    }
  }

  /** The peer closed: completes a close-delimited body, breaks any other that is unfinished. */
  closed(): void {
    if (this.state !== "complete") this.state = this.state === "until-close" ? "complete" : "broken";
  }

  #takeBody(bytes: Buffer, from: number, to: number): number {
    this.bodyBytes += to - from;
    if (this.#onNumber) {
      this.#takeNumbers(bytes, from, to, this.#onNumber);
    } else if (this.#countsMarkers) {
      for (let at = bytes.indexOf(MARKER, from); at !== -1 && at < to; at = bytes.indexOf(MARKER, at + 1))
        this.markers++;
    }
    return to;
  }

  #takeNumbers(bytes: Buffer, from: number, to: number, onNumber: (number: number) => void): void {
    for (let at = from; at < to;) {
      if (this.#digitsLeft === 0) {
        at = bytes.indexOf(MARKER, at) + 1;
        if (at === 0 || at > to) return;
        this.markers++;
        this.#digitsLeft = NUMBER_DIGITS;
        this.#number = 0;
      } else {
        this.#number = this.#number * 10 + (bytes[at++]! - ZERO);
        if (--this.#digitsLeft === 0) onNumber(this.#number);
      }
    }
  }

  #takeCounted(bytes: Buffer, from: number): number {
    const to = Math.min(bytes.length, from + this.#remaining);
    this.#remaining -= to - from;
    if (this.#remaining === 0) this.state = this.state === "chunk" ? "after-chunk" : "complete";
    return this.#takeBody(bytes, from, to);
  }

  #takeHead(bytes: Buffer, from: number): number {
    const before = this.#text.length;
    this.#text += bytes.toString("latin1", from);
    const end = this.#text.indexOf("\r\n\r\n");
    if (end === -1) return bytes.length;
    const head = this.#text.slice(0, end).toLowerCase();
    if (!head.includes("\r\nstream-up-to-date:")) this.nextPage = /\r\nstream-next-offset: *(\S+)/.exec(head)?.[1];
    this.#text = "";
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
    this.status = Number(/^http\/1\.\d (\d{3})/.exec(head)?.[1] ?? 0);
    this.keepsAlive = !/\r\nconnection:[^\r]*close/.test(head);
    this.#remaining = Number(length ?? 0);
    if (this.status === 0) this.state = "broken";
    else if (this.status === 204 || length === "0") this.state = "complete";
    else if (/\r\ntransfer-encoding:[^\r]*chunked/.test(head)) this.state = "size";
    else this.state = length === undefined ? "until-close" : "sized";
    return from + end + 4 - before;
  }

  /** A line of the framing between chunks: a size, the CRLF after a chunk, or a line of the trailer section. */
  #takeLine(bytes: Buffer, from: number): number {
    const end = bytes.indexOf(NEWLINE, from);
    this.#text += bytes.toString("latin1", from, end === -1 ? bytes.length : end);
    if (end === -1) return bytes.length;
    const line = this.#text.trimEnd();
    this.#text = "";
    if (this.state === "after-chunk") this.state = "size";
    else if (this.state === "trailer") this.state = line === "" ? "complete" : "trailer";
    else {
      this.#remaining = Number.parseInt(line, 16);
      this.state = this.#remaining > 0 ? "chunk" : this.#remaining === 0 ? "trailer" : "broken";
    }
    return end + 1;
  }
}
