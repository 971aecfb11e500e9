import { once } from "node:events";
import type { Writable } from "node:stream";
import { DownloadError } from "../../client/download-error.ts";
import type { Answer, Destination } from "../../client/destination.ts";
import type { Held } from "../../client/judge-answer.ts";
import { type Digests, type Representation, mergeKnowledge } from "../../client/representation.ts";
import { RunningHash } from "./running-hash.ts";

/** Standard output: what is written there cannot be taken back, nor read again. */
export class OutputStream implements Destination {
  readonly #output: Writable;
  readonly #digests: Digests;
  #hash = new RunningHash([]);
  #representation: Representation | undefined;
  #receivedBytes = 0;

  /** @param digests - computed as the bytes come, beside those that the server tells before them */
  constructor(output: Writable, digests: Digests) {
    this.#output = output;
    this.#digests = digests;
  }

  get held(): Held | undefined {
    return this.#representation && { representation: this.#representation, receivedBytes: this.#receivedBytes };
  }

  async open(_answer: Answer): Promise<void> {}

  async prepare(): Promise<void> {}

  async startAgain(representation: Representation): Promise<void> {
    if (this.#receivedBytes > 0) throw new DownloadError("What was written to standard output cannot be taken back");
    this.#representation = representation;
    // A trailer may tell the digest when the bytes are gone.
    this.#hash = new RunningHash(new Set(["sha-256", ...representation.digests.keys(), ...this.#digests.keys()]));
  }

  async learn(representation: Representation): Promise<void> {
    this.#representation = mergeKnowledge(this.#representation!, representation);
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#receivedBytes += chunk.byteLength;
    const hasRoom = this.#output.write(chunk);
    this.#hash.update(chunk);
    return hasRoom ? undefined : once(this.#output, "drain").then(() => {});
  }

  async flush(): Promise<void> {
    if (this.#output.writableLength === 0) return;
    await new Promise<void>((resolve, reject) => {
      this.#output.write("", (error) => (error ? reject(error) : resolve()));
    });
  }

  digest(algorithm: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#hash.digest(algorithm));
  }

  async discard(): Promise<void> {}
}
