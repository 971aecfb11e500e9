import { type IncomingMessage, get } from "node:http";

/** A reader that compares what comes with what should, and keeps nothing. */
export class Follower {
  readonly #expected: () => Buffer;
  readonly #response: IncomingMessage;
  #byteLength = 0;
  #isRight = true;
  /** `whole` with the last chunk, `broken` without it; undefined while it goes on. */
  ended: "whole" | "broken" | undefined;

  private constructor(response: IncomingMessage, expected: () => Buffer) {
    this.#response = response;
    this.#expected = expected;
    response.on("data", (chunk: Buffer) => this.#compare(chunk));
    // It is said by `complete`, too.
    response.on("error", () => {});
    response.on("close", () => (this.ended = response.complete ? "whole" : "broken"));
  }

  /** @param expected - all that there may be by now. Resolves with the answer's head */
  static open(port: number, expected: () => Buffer): Promise<Follower> {
    return new Promise((resolve, reject) => {
      const request = get({ port, host: "127.0.0.1", agent: false }, (response) => {
        resolve(new Follower(response, expected));
      });
      request.once("error", reject);
    });
  }

  /** Has come, each byte once and in its place. */
  get byteLength(): number {
    if (!this.#isRight) throw new Error(`Other bytes came than were appended, before ${this.#byteLength}`);
    return this.#byteLength;
  }

  leave(): void {
    this.#response.destroy();
  }

  #compare(chunk: Buffer): void {
    const end = this.#byteLength + chunk.byteLength;
    this.#isRight &&= chunk.equals(this.#expected().subarray(this.#byteLength, end));
    this.#byteLength = end;
  }
}
