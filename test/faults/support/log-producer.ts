import { type SentAppend, messageOf } from "../../logs/history.ts";

/** One who appends to a stream over HTTP, and repeats each append until he is told that it is there. */
export class LogProducer {
  readonly sent: SentAppend[] = [];
  readonly #url: string;
  readonly #id: string;
  #epoch = 0;
  #seq = 0;
  #isStopped = false;
  #isRestarting = false;

  constructor(url: string, id: string) {
    this.#url = url;
    this.#id = id;
  }

  /** @param onAcknowledged - called after each append; what it returns is waited for */
  async run(onAcknowledged: () => void): Promise<void> {
    while (!this.#isStopped) {
      if (this.#isRestarting) this.#beginEpoch();
      await this.#append();
      onAcknowledged();
    }
  }

  /** It stops when what it has sent is acknowledged. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Goes on as if it had forgotten what it had sent last. */
  restart(): void {
    this.#isRestarting = true;
  }

  async #append(): Promise<void> {
    const append = { id: this.#id, epoch: this.#epoch, seq: this.#seq };
    this.sent.push({ ...append, acknowledged: undefined });
    const index = this.sent.length - 1;
    for (;;) {
      const answer = await this.#send(append);
      if (this.#isRestarting) return;
      if (answer === undefined) continue;
      this.sent[index] = { ...append, ...answer };
      this.#seq++;
      return;
    }
  }

  /** @returns undefined where no answer came: it may be there, or not */
  async #send(append: {
    id: string;
    epoch: number;
    seq: number;
  }): Promise<{ acknowledged: number; isRepeated: boolean } | undefined> {
    const { id, epoch, seq } = append;
    let response: Response;
    try {
      response = await fetch(this.#url, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "Producer-Id": id,
          "Producer-Epoch": String(epoch),
          "Producer-Seq": String(seq),
        },
        body: messageOf(append),
      });
      await response.arrayBuffer();
    } catch {
      // There is no server, or none any more.
      await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 20));
      return undefined;
    }
    if (response.status !== 200 && response.status !== 204)
      throw new Error(`${messageOf(append)} was answered with ${response.status}`);
    return {
      acknowledged: positionOf(response.headers.get("Stream-Next-Offset")),
      isRepeated: response.status === 204,
    };
  }

  #beginEpoch(): void {
    this.#isRestarting = false;
    this.#epoch++;
    this.#seq = 0;
  }
}

/** What an offset stands for. */
export function positionOf(offset: string | null): number {
  return Number(offset?.split("_")[1]);
}
