import { randomUUID } from "node:crypto";
import { type Reply, describeReply } from "../stream/reply.ts";
import type { Requests } from "../stream/requests.ts";
import { StreamError } from "../stream/stream-error.ts";

/** The server has said no: nothing of it was appended. */
export class RefusedError extends StreamError {}

/** Appends one after the other, each once, however often it is sent (Durable Streams §Idempotent producers). */
export class Producer {
  readonly #requests: Requests;
  readonly #contentType: string;
  readonly #id: string;
  readonly #epoch: string;
  #seq = 0;

  /** @param id - one producer of this name at a time: who begins later takes over */
  constructor(requests: Requests, contentType: string, id: string | undefined) {
    this.#requests = requests;
    this.#contentType = contentType;
    this.#id = id ?? randomUUID();
    // Greater in each later run; who has an id of his own needs none.
    this.#epoch = String(id === undefined ? 0 : Date.now());
  }

  /** @throws RefusedError where it is not appended, and never will be; StreamError where that is not known */
  async append(body: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#send({ "content-type": this.#contentType }, body);
  }

  /** The stream ends here, for everybody. @throws as `append` */
  async close(): Promise<void> {
    await this.#send({ "stream-closed": "true" });
  }

  async #send(fields: Record<string, string>, body?: Uint8Array<ArrayBuffer>): Promise<void> {
    const reply = await this.#requests.send("POST", {
      fields: {
        ...fields,
        "producer-id": this.#id,
        "producer-epoch": this.#epoch,
        "producer-seq": String(this.#seq),
      },
      ...(body ? { body } : {}),
    });
    if (reply.status !== 200 && reply.status !== 204) throw new RefusedError(explain(reply));
    this.#seq++;
  }
}

function explain(reply: Reply): string {
  const { fields, status } = reply;
  switch (status) {
    case 403:
      return fields.has("producer-epoch") ? "Another has begun with this producer's id" : describeReply(reply);
    case 404:
    case 410:
      return "The stream is not there any more";
    case 409:
      if (fields.get("stream-closed")?.toLowerCase() === "true") return "The stream was closed by another";
      return fields.has("producer-expected-seq") ? "The stream has lost what was appended" : describeReply(reply);
    default:
      return describeReply(reply);
  }
}
