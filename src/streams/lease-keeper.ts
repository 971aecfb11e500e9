import { HttpError } from "../errors.ts";
import type { EventLog, Lease } from "../logs/event-log.ts";

export interface HeldLease {
  readonly log: EventLog;
  readonly name: string;
  readonly lease: Lease;
  readonly leaseMs: number;
}

/** Of a lease's time: when it is prolonged, and how often where that has failed. */
const [RENEW_AFTER, RETRY_EVERY] = [1 / 3, 1 / 12];

/**
 * Prolongs a lease while its holder lives. A log that does not answer, or fails, is asked again as long as the lease may still be
 * held; one that says that it is not is believed.
 */
export class LeaseKeeper {
  readonly #held: HeldLease;
  readonly #onLost: (reason: unknown) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #heldSince = performance.now();
  #failure: { readonly error: unknown } | undefined;
  #isAsking = false;

  /** @param onLost - called once, unless it is stopped before */
  constructor(held: HeldLease, onLost: (reason: unknown) => void) {
    this.#held = held;
    this.#onLost = onLost;
    this.#timer = setInterval(() => this.#onTick(), held.leaseMs * RETRY_EVERY);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #onTick(): void {
    const { leaseMs, name } = this.#held;
    const heldMs = performance.now() - this.#heldSince;
    if (heldMs < leaseMs * RENEW_AFTER) return;
    // Where only this process was late, the log is asked.
    if (heldMs >= leaseMs && (this.#failure || this.#isAsking)) {
      return this.#lose(this.#failure?.error ?? new HttpError(504, `The log does not answer: ${name}`));
    }
    if (!this.#isAsking) void this.#renew();
  }

  async #renew(): Promise<void> {
    const { log, name, lease, leaseMs } = this.#held;
    const askedAt = performance.now();
    this.#isAsking = true;
    try {
      if (!(await log.renewLease(name, lease, leaseMs))) this.#lose(await reasonOf(this.#held));
      this.#heldSince = askedAt;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#isAsking = false;
    }
  }

  #lose(reason: unknown): void {
    this.stop();
    this.#onLost(reason);
  }
}

/** Why a lease is not held any more. */
async function reasonOf({ log, name }: HeldLease): Promise<HttpError> {
  return (await endOf(log, name)) ?? new HttpError(409, "Another writes the stream now");
}

/** @returns why a stream cannot be written any more; undefined where it can, by whoever holds its lease */
export async function endOf(log: EventLog, name: string): Promise<HttpError | undefined> {
  const result = await log.info(name);
  if (result.status !== "there") return new HttpError(410, "The stream was deleted");
  return result.info.closed ? new HttpError(410, "The stream was closed") : undefined;
}
