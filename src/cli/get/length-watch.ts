import type { Answer, Exchange } from "../../client/destination.ts";
import { isSameValidator, strongValidator } from "../../client/representation.ts";

/** How often the server is asked, in ms. */
const ASK_MS = 5_000;

/**
 * Finds out how long a body will be that was begun before its server knew: a run is often finished long before a slow reader
 * has it, and then there is a time left to be told.
 */
export class LengthWatch {
  readonly #askMs: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #completeLength: number | undefined;

  constructor(askMs: number = ASK_MS) {
    this.#askMs = askMs;
  }

  /** In bytes; undefined while nobody knows it. */
  get completeLength(): number | undefined {
    return this.#completeLength;
  }

  /** The same exchange, watched: the latest answer counts. */
  exchange(exchange: Exchange): Exchange {
    return async (fields, signal) => {
      this.stop();
      const answer = await exchange(fields, signal);
      if (mayGrow(answer)) this.#watch(answer, signal);
      return answer;
    };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #watch(answer: Answer, signal: AbortSignal): void {
    const validator = strongValidator(answer.fields);
    const timer = setInterval(() => {
      answer.head(signal).then(
        (fields) => {
          const length = Number(fields.get("content-length") ?? Number.NaN);
          if (timer !== this.#timer || !Number.isSafeInteger(length)) return;
          if (isSameValidator(validator, strongValidator(fields))) this.#completeLength = length;
          this.stop();
        },
        // It is the download that tells of a server that is gone.
        () => {},
      );
    }, this.#askMs);
    this.#timer = timer;
  }
}

/** What has parts and a tag of its own, but no length, is still being made. */
function mayGrow({ status, fields }: Answer): boolean {
  const hasLength = status === 200 ? fields.has("content-length") : !(fields.get("content-range") ?? "").endsWith("/*");
  return (
    (status === 200 || status === 206) &&
    !hasLength &&
    fields.get("accept-ranges") === "bytes" &&
    strongValidator(fields) !== undefined
  );
}
