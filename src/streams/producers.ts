import { unref } from "../core/clocks.ts";
import { HttpError } from "../errors.ts";
import { assertMs, optionError } from "../http/response-options.ts";
import type { EventLog, Retention, StreamConfig } from "../logs/event-log.ts";
import { type ProduceSource, Production } from "./production.ts";
import { assertFieldValue } from "./stream-fields.ts";

export interface ProduceInit extends Partial<StreamConfig> {
  /**
   * What its messages are.
   * @defaultValue "application/json"
   */
  contentType?: string;
  /**
   * How long after it was told to stop a source that has not ended is reported, in ms.
   * @defaultValue 5_000
   */
  leakReportMs?: number;
}

export interface ProducersOptions {
  readonly leaseMs?: number;
  readonly retention?: Retention | undefined;
}

/** How long a stream waits for a producer that does not say any more that it is there, in ms. */
const LEASE_MS = 10_000;
/** What is said of one whose process has died. */
const LOST = "producer_lost";

/** The sources that write streams in this process. */
export class Producers {
  readonly #log: EventLog;
  readonly #holder: string;
  readonly #leaseMs: number;
  readonly #retention: Retention | undefined;
  readonly #productions = new Map<string, Production>();
  readonly #sweeper: ReturnType<typeof setInterval>;
  #isClosed = false;

  constructor(log: EventLog, { leaseMs = LEASE_MS, retention }: ProducersOptions = {}) {
    this.#log = log;
    this.#leaseMs = leaseMs;
    this.#retention = retention;
    this.#holder = crypto.randomUUID();
    this.#sweeper = unref(setInterval(() => void this.#closeAbandoned(), leaseMs / 2));
  }

  /** @returns when the stream is there; undefined where another writes it, or it is closed: then the source does not run */
  async begin(name: string, source: ProduceSource, init: ProduceInit): Promise<Production | undefined> {
    if (this.#isClosed) throw new HttpError(503, "The streams were closed");
    if (typeof source !== "function") throw optionError("source", "a function that makes the messages", source);
    const { contentType = "application/json", ttlSeconds, expiresAtMs, isPublic, leakReportMs = 5_000 } = init;
    assertFieldValue("contentType", contentType);
    assertMs("leakReportMs", leakReportMs);
    const config: StreamConfig = { contentType, ttlSeconds, expiresAtMs, isPublic };
    const made = await this.#log.create(name, { config, messages: [], closed: false });
    if (made.status === "conflict") {
      const there = await this.#log.info(name);
      // One that has ended is no other config.
      if (there.status === "there" && there.info.closed) return undefined;
      throw new HttpError(409, `There is a stream ${name} with another type or time to live`);
    }
    const holder = `${this.#holder} ${crypto.randomUUID()}`;
    const lease = await this.#log.acquireLease(name, holder, this.#leaseMs);
    if (!lease) return undefined;
    const held = { log: this.#log, name, lease, leaseMs: this.#leaseMs };
    const production = new Production(source, { ...held, contentType, leakReportMs, retention: this.#retention });
    this.#productions.set(name, production);
    void production.ended.then(() => {
      if (this.#productions.get(name) === production) this.#productions.delete(name);
    });
    return production;
  }

  /** Stops all of them: their streams are closed as failed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweeper);
    const productions = [...this.#productions.values()];
    for (const production of productions) production.cancel(new HttpError(503, "The server is shutting down"));
    await Promise.all(productions.map(({ ended }) => ended));
  }

  /** Readers of a stream whose producer is gone are told. */
  async #closeAbandoned(): Promise<void> {
    try {
      for (const name of await this.#log.abandoned()) {
        // Who takes it over meanwhile has it.
        const lease = await this.#log.acquireLease(name, `${this.#holder} ${crypto.randomUUID()}`, this.#leaseMs);
        if (lease) await this.#log.append(name, { messages: [], close: true, failure: LOST, lease });
      }
    } catch {
      // Next time, perhaps.
    }
  }
}
