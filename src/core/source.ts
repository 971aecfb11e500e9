import { SluiceTypeError } from "../errors.ts";
import { DeferredPuller, type Item, type Puller, isPromiseLike } from "./puller.ts";
import { after } from "./clocks.ts";
import { describe } from "./describe.ts";
import { report } from "./report.ts";

/** Node's `stream.Readable`, as far as it is needed here; any stream of that shape will do. */
interface NodeReadable extends AsyncIterable<unknown> {
  pipe(destination: never): unknown;
  destroy(error?: Error): unknown;
  on?(event: "error", listener: () => void): unknown;
}

/** Where values come from, before they are made bytes. */
export type ValueSource<T> = Iterable<T> | AsyncIterable<T> | ReadableStream<T> | NodeReadable | Blob;

export interface SourceContext {
  /** Aborted when the reader leaves, when it stalls, and when the process cuts it off. */
  readonly signal: AbortSignal;
}

/** A source, or a function that makes it when the body is first read. */
export type LazySource<T> = ValueSource<T> | ((context: SourceContext) => ValueSource<T> | Promise<ValueSource<T>>);

export interface IteratorOptions {
  /** Where the response was made, for the report of a source that outlives its reader. */
  origin: { stack?: string };
  /** How long after the reader left a source that has not ended is reported, in ms. */
  leakReportMs: number;
}

type Encode<T> = (value: T) => Item;

type AnyIterator<T> = Iterator<T, unknown> | AsyncIterator<T, unknown>;

/** Whether `value` is something {@link openSource} can read. */
export function isValueSource(value: unknown): value is ValueSource<unknown> {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value || isReadableStream(value) || isBlob(value);
}

/** Says what a source may be; `got` is what it was. */
export function sourceTypeError(got: unknown): SluiceTypeError {
  return new SluiceTypeError(
    "ERR_SOURCE_TYPE",
    "A source is a sync or async iterable, a ReadableStream, a Node Readable, a Blob, or a function that returns one; " +
      `got ${describe(got)}`,
  );
}

/** Brings a source into the pump's form. Nothing is read yet. */
export function openSource<T>(source: ValueSource<T>, encode: Encode<T>, options: IteratorOptions): Puller {
  if (!isValueSource(source)) throw sourceTypeError(source);
  if (isBlob(source)) return new ReaderPuller(source.stream().getReader(), encode as Encode<unknown>);
  if (isReadableStream(source)) return new ReaderPuller(source.getReader(), encode);
  if (Symbol.asyncIterator in source) {
    const iterator = (source as AsyncIterable<T>)[Symbol.asyncIterator]();
    return new IteratorPuller(iterator, encode, options, isNodeReadable(source) ? source : undefined);
  }
  return new IteratorPuller((source as Iterable<T>)[Symbol.iterator](), encode, options);
}

/** Lets go of a source that was never opened. */
export function discardSource(source: unknown): void {
  if (isNodeReadable(source)) {
    // Nobody listens for what its cleaning up may fail with, and that would end the process.
    source.on?.("error", () => {});
    source.destroy();
  } else if (isReadableStream(source)) source.cancel().catch(() => {});
  else if (isReturnable(source)) closeIterator(source);
}

/** Opens a source, or calls the function that makes it. */
export function openLazySource<T>(
  source: LazySource<T>,
  context: SourceContext,
  encode: Encode<T>,
  options: IteratorOptions,
): Puller {
  if (typeof source !== "function") return openSource(source, encode, options);
  const made = source(context);
  if (!isPromiseLike(made)) return openSource(made, encode, options);
  return new DeferredPuller(
    made.then((ready) => openSource(ready, encode, options)),
    () => watchForEnd(options),
  );
}

/** Reports a source that was told to end, unless what is returned is called in time. */
export function watchForEnd({ leakReportMs, origin }: IteratorOptions): () => void {
  const timer = after(leakReportMs, () => {
    report({
      code: "SOURCE_OUTLIVED_READER",
      message:
        `A source still runs ${leakReportMs} ms after its reader left. Pass its \`signal\` to whatever it awaits. ` +
        `Its response was made here:\n${origin.stack?.replace(/^.*\n/u, "") ?? "(unknown place)"}`,
    });
  });
  return () => clearTimeout(timer);
}

class IteratorPuller<T> implements Puller {
  readonly #iterator: AnyIterator<T>;
  readonly #encode: Encode<T>;
  readonly #options: IteratorOptions;
  readonly #stream: NodeReadable | undefined;
  #pending = false;
  returned: unknown;

  constructor(iterator: AnyIterator<T>, encode: Encode<T>, options: IteratorOptions, stream?: NodeReadable) {
    this.#iterator = iterator;
    this.#encode = encode;
    this.#options = options;
    this.#stream = stream;
  }

  pull(): Item | undefined | PromiseLike<Item | undefined> {
    const result = this.#iterator.next();
    if (!isPromiseLike(result)) return this.#toItem(result);
    this.#pending = true;
    return result.then(this.#onResult, this.#onError);
  }

  /** An async generator that awaits something cannot be closed from outside: `return()` waits for it. Hence the report. */
  cancel(): void {
    // Without an error: nobody may be listening for one, and it would end the process.
    this.#stream?.destroy();
    const returned = closeIterator(this.#iterator);
    if (!this.#pending && !returned) return;
    const done = watchForEnd(this.#options);
    if (returned) returned.then(done, done);
    else this.#onEnded = done;
  }

  #onEnded: (() => void) | undefined;

  readonly #onResult = (result: IteratorResult<T, unknown>): Item | undefined => {
    this.#pending = false;
    this.#onEnded?.();
    return this.#toItem(result);
  };

  readonly #onError = (error: unknown): never => {
    this.#pending = false;
    this.#onEnded?.();
    throw error;
  };

  #toItem(result: IteratorResult<T, unknown>): Item | undefined {
    if (result.done) {
      this.returned = result.value;
      return undefined;
    }
    try {
      return this.#encode(result.value);
    } catch (error) {
      // The source did nothing wrong by its own lights, so it must be told that its body has failed.
      closeIterator(this.#iterator);
      throw error;
    }
  }
}

class ReaderPuller<T> implements Puller {
  readonly #reader: ReadableStreamDefaultReader<T>;
  readonly #encode: Encode<T>;

  constructor(reader: ReadableStreamDefaultReader<T>, encode: Encode<T>) {
    this.#reader = reader;
    this.#encode = encode;
  }

  pull(): PromiseLike<Item | undefined> {
    return this.#reader.read().then(this.#onResult);
  }

  cancel(reason: unknown): void {
    this.#reader.cancel(reason).catch(() => {});
  }

  readonly #onResult = ({ done, value }: { done: boolean; value?: T | undefined }): Item | undefined => {
    if (done) return undefined;
    try {
      return this.#encode(value as T);
    } catch (error) {
      this.cancel(error);
      throw error;
    }
  };
}

/** Calls `return()`; errors of the source's own cleaning up are its own. */
function closeIterator(iterator: { return?: (value?: unknown) => unknown }): PromiseLike<unknown> | undefined {
  try {
    const returned = iterator.return?.();
    if (!isPromiseLike(returned)) return undefined;
    return returned.then(
      () => {},
      () => {},
    );
  } catch {
    return undefined;
  }
}

function isReadableStream(value: unknown): value is ReadableStream<never> {
  return typeof value === "object" && value !== null && typeof (value as ReadableStream).getReader === "function";
}

function isBlob(value: unknown): value is Blob {
  return typeof Blob !== "undefined" && value instanceof Blob;
}

function isNodeReadable(value: unknown): value is NodeReadable {
  if (typeof value !== "object" || value === null) return false;
  const stream = value as Partial<NodeReadable>;
  return typeof stream.pipe === "function" && typeof stream.destroy === "function";
}

function isReturnable(value: unknown): value is { return(): unknown } {
  return typeof value === "object" && value !== null && typeof (value as { return?: unknown }).return === "function";
}
