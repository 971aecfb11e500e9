import type { Answer, Destination, Exchange } from "./destination.ts";
import { DownloadError, InterruptedError } from "./download-error.ts";
import { type Held, type Verdict, isResumable, judgeAnswer, requestFields } from "./judge-answer.ts";
import { type Digests, checkableDigests, isSameValidator, strongValidator } from "./representation.ts";
import { type RetryOptions, RetryPolicy } from "./retry.ts";
import { type Verified, verify } from "./verify.ts";

export interface DownloadOptions extends RetryOptions {
  readonly exchange: Exchange;
  readonly destination: Destination;
  /** What the user knows of the bytes, beside what the server says. */
  readonly digests?: Digests;
  /** Ends the download; what has come is kept. */
  readonly signal: AbortSignal;
  /** A sentence on what went otherwise than planned. */
  readonly onNote: (note: string) => void;
  readonly onProgress: (receivedBytes: number, completeLength: number | undefined) => void;
}

export interface Downloaded extends Verified {
  readonly completeLength: number;
}

type BodyVerdict = Extract<Verdict, { kind: "body" }>;

/**
 * Downloads into a destination, in as many attempts as it takes: each asks for what is missing (RFC 9110 §14.2), on the
 * condition that it still belongs to what is there (RFC 9110 §13.1.5). In the end the digests are compared.
 *
 * @throws DownloadError when it cannot go on; the signal's reason when that is aborted; what the destination throws
 */
export async function download(options: DownloadOptions): Promise<Downloaded> {
  const { destination, digests = new Map<string, Uint8Array>(), signal } = options;
  await new Attempts(options).reachEnd();
  const { representation, receivedBytes } = destination.held!;
  options.onProgress(receivedBytes, receivedBytes);
  const verified = await verify(destination, { server: representation.digests, user: digests }, signal);
  return { ...verified, completeLength: receivedBytes };
}

class Attempts {
  readonly #options: DownloadOptions;
  readonly #policy: RetryPolicy;
  #isOpen = false;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.#policy = new RetryPolicy(options);
  }

  async reachEnd(): Promise<void> {
    const { destination, signal } = this.#options;
    this.#policy.advance(destination.held?.receivedBytes ?? 0);
    for (;;) {
      signal.throwIfAborted();
      try {
        if (isComplete(destination.held) || (await this.#attempt())) return;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof InterruptedError)) throw error;
        await this.#waitAfter(error);
      }
    }
  }

  /** @returns whether everything is there */
  async #attempt(): Promise<boolean> {
    const { destination, exchange, signal } = this.#options;
    if (isResumable(destination.held)) await destination.prepare(signal);
    const { held } = destination;
    const answer = await exchange(requestFields(held), signal);
    try {
      const verdict = judgeAnswer(held, answer.status, answer.fields);
      switch (verdict.kind) {
        case "body":
          if (await this.#isHeldAlready(answer)) return false;
          return await this.#take(answer, verdict);
        case "complete":
          await destination.learn({ ...held!.representation, completeLength: verdict.completeLength });
          return true;
        case "start again":
          await this.#startAgain(verdict.reason);
          return false;
        case "retry":
          throw new InterruptedError(verdict.reason, { retryAfterMs: verdict.retryAfterMs });
        case "fail":
          throw new DownloadError(verdict.reason);
      }
    } finally {
      answer.cancel();
    }
  }

  /** Only the answer's name has shown that an earlier run has got some of it: then the rest is asked for. */
  async #isHeldAlready(answer: Answer): Promise<boolean> {
    if (this.#isOpen) return false;
    this.#isOpen = true;
    const { destination } = this.#options;
    const before = destination.held;
    await destination.open(answer);
    const { held } = destination;
    if (before !== undefined || !isResumable(held)) return false;
    if (!isSameValidator(held.representation.validator, strongValidator(answer.fields))) return false;
    this.#policy.advance(held.receivedBytes);
    return true;
  }

  async #take(answer: Answer, verdict: BodyVerdict): Promise<boolean> {
    const { destination } = this.#options;
    if (verdict.startsAgain) {
      if ((destination.held?.receivedBytes ?? 0) > 0) this.#countRestart(this.#reasonToRestart(verdict));
      await destination.startAgain(verdict.representation);
    } else {
      await destination.learn(verdict.representation);
    }
    let endBytes: number;
    try {
      endBytes = await this.#copy(answer, verdict);
    } finally {
      await destination.flush();
    }
    if (verdict.endsAtBytes !== undefined && endBytes < verdict.endsAtBytes) {
      throw new InterruptedError(`The body ended ${verdict.endsAtBytes - endBytes} bytes too early`);
    }
    const { representation, receivedBytes } = destination.held!;
    if (endBytes < receivedBytes) {
      throw new InterruptedError(`The body ended at ${endBytes} bytes, and ${receivedBytes} had come before`);
    }
    const digests = checkableDigests(answer.trailers().get("repr-digest"));
    const completeLength = verdict.reachesEnd ? receivedBytes : representation.completeLength;
    await destination.learn({ ...representation, completeLength, digests });
    return verdict.reachesEnd;
  }

  /** @returns the offset behind the last byte that came */
  async #copy(answer: Answer, { startsAtBytes, endsAtBytes }: BodyVerdict): Promise<number> {
    const { destination, onProgress } = this.#options;
    let at = startsAtBytes;
    for await (const chunk of answer.body) {
      const { receivedBytes, representation } = destination.held!;
      const end = at + chunk.byteLength;
      if (end > (endsAtBytes ?? Infinity)) throw new InterruptedError("The body is longer than its head says");
      if (end > receivedBytes) {
        const wait = destination.write(at < receivedBytes ? chunk.subarray(receivedBytes - at) : chunk);
        if (wait) await wait;
        this.#policy.advance(end);
        onProgress(end, representation.completeLength);
      }
      at = end;
    }
    return at;
  }

  async #startAgain(reason: string): Promise<void> {
    this.#countRestart(reason);
    await this.#options.destination.startAgain({ validator: undefined, completeLength: undefined, digests: new Map() });
  }

  #reasonToRestart({ representation }: BodyVerdict): string {
    const before = this.#options.destination.held!.representation.validator;
    if (before === undefined) return "What came has no strong validator";
    return isSameValidator(before, representation.validator)
      ? "Its length on the server has changed"
      : "It has changed on the server";
  }

  #countRestart(reason: string): void {
    if (!this.#policy.restart()) throw new DownloadError(`${reason}, again and again`);
    this.#options.onNote(`${reason}: starting again from zero`);
  }

  async #waitAfter(error: InterruptedError): Promise<void> {
    const { onNote, retries, signal } = this.#options;
    const delayMs = this.#policy.fail(error.retryAfterMs);
    if (delayMs === undefined) {
      const { failures } = this.#policy;
      if (failures <= retries) {
        throw new DownloadError(
          `${error.message}, and wants to be asked in ${Math.round(error.retryAfterMs! / 1000)} s`,
        );
      }
      throw new DownloadError(failures > 1 ? `${error.message} (attempt ${failures} without progress)` : error.message);
    }
    onNote(`${error.message}: trying again in ${(delayMs / 1000).toFixed(1)} s`);
    await sleep(delayMs, signal);
  }
}

function isComplete(held: Held | undefined): boolean {
  return held !== undefined && held.receivedBytes === held.representation.completeLength;
}

/** @throws the signal's reason */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal.addEventListener("abort", abort, { once: true });
  });
}
