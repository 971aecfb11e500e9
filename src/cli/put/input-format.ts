import { essence } from "../../http/headers.ts";
import { StreamError } from "../stream/stream-error.ts";
import { LineSplitter } from "./line-splitter.ts";

/** A part of the input that can be appended by itself. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** How many lines of the input it stands for; 0 where they are not counted. */
  readonly lines: number;
}

/** How the input is made into what is appended. */
export interface InputFormat {
  /** @throws StreamError for what cannot be appended, behind the pieces of what came before it */
  push(chunk: Uint8Array): Iterable<Piece>;
  /** What is left when the input has ended. */
  end(): Iterable<Piece>;
  /** The body of one append. */
  join(pieces: readonly Piece[]): Uint8Array<ArrayBuffer>;
}

const LINES = /^(?:text\/.*|application\/(?:x-)?(?:ndjson|jsonl))$/u;

/** @param contentType - of the stream */
export function inputFormatOf(contentType: string): InputFormat {
  const type = essence(contentType);
  if (type === "application/json") return new JsonLinesFormat();
  return LINES.test(type) ? new LinesFormat() : new BytesFormat();
}

/** Bytes as they come. */
class BytesFormat implements InputFormat {
  *push(bytes: Uint8Array): Iterable<Piece> {
    yield { bytes, lines: 0 };
  }

  *end(): Iterable<Piece> {}

  join(pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
    return concat(pieces);
  }
}

/** Whole lines, with their ends. */
class LinesFormat implements InputFormat {
  readonly #splitter = new LineSplitter();

  *push(chunk: Uint8Array): Iterable<Piece> {
    yield* toPiece(this.#splitter.push(chunk));
  }

  *end(): Iterable<Piece> {
    yield* toPiece(this.#splitter.end());
  }

  join(pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
    return concat(pieces);
  }
}

/** Lines of JSON, each a message. Empty ones are passed over. */
class JsonLinesFormat implements InputFormat {
  readonly #splitter = new LineSplitter();
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  readonly #encoder = new TextEncoder();
  #count = 0;
  /** Lines that no piece stands for yet. */
  #open = 0;

  push(chunk: Uint8Array): Iterable<Piece> {
    return this.#toMessages(this.#splitter.push(chunk));
  }

  end(): Iterable<Piece> {
    return this.#toMessages(this.#splitter.end());
  }

  join(pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
    const [open, comma, close] = ["[", ",", "]"].map((text) => Buffer.from(text));
    const parts = pieces.flatMap(({ bytes }, index) => [index === 0 ? open! : comma!, bytes]);
    return new Uint8Array(Buffer.concat([...parts, close!]));
  }

  *#toMessages(bytes: Uint8Array | undefined): Iterable<Piece> {
    if (bytes === undefined) return;
    const text = this.#decode(bytes);
    const lines = (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
    const messages: string[] = [];
    let failure: StreamError | undefined;
    for (const line of lines) {
      const message = line.trim();
      failure = message === "" ? undefined : judgeJson(message, this.#count + 1);
      if (failure) break;
      if (message !== "") messages.push(message);
      this.#count++;
      this.#open++;
    }
    if (messages.length > 0) {
      yield { bytes: this.#encoder.encode(messages.join(",")), lines: this.#open };
      this.#open = 0;
    }
    if (failure) throw failure;
  }

  #decode(bytes: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes);
    } catch (error) {
      throw new StreamError(`What comes behind line ${this.#count} is not UTF-8`, { cause: error });
    }
  }
}

function judgeJson(text: string, line: number): StreamError | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return new StreamError(`Line ${line} is no JSON: ${(error as Error).message}`, { cause: error });
  }
}

function* toPiece(bytes: Uint8Array | undefined): Iterable<Piece> {
  if (bytes === undefined) return;
  const last = bytes.at(-1) === LINE_FEED ? 0 : 1;
  yield { bytes, lines: countLineFeeds(bytes) + last };
}

const LINE_FEED = 0x0a;

function countLineFeeds(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}

function concat(pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(pieces.map(({ bytes }) => bytes)));
}
