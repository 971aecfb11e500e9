import {
  type Arbitrary,
  array,
  assert,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  integer,
  nat,
  oneof,
  record,
  uint8Array,
} from "fast-check";
import { memoryLog } from "sluice/logs/memory";
import { expect, test } from "vitest";
import type { EventLog, Lease, StreamInfo } from "../../../src/logs/event-log.ts";
import { ran, scaled } from "../../faults/support/scale.ts";
import { type OpenLog, START_MS } from "./log-rig.ts";

/** What is done to both logs; what it gives must be the same. */
type Step = (state: State) => (log: EventLog) => Promise<unknown>;

/** What later steps depend on, which both logs have in common. */
interface State {
  nowMs: number;
  readonly leases: Lease[];
}

const NAMES = ["a", "b", "a/b"];
const RUNS = scaled(15, 1000);
const STEPS_PER_RUN = 200;

const name = constantFrom(...NAMES);

/** Once in four times. */
function rarely<T>(what: Arbitrary<T>): Arbitrary<T | undefined> {
  return oneof({ weight: 3, arbitrary: constant(undefined) }, { weight: 1, arbitrary: what });
}

/** Once in twelve times. */
function seldom<T>(what: Arbitrary<T>): Arbitrary<T | undefined> {
  return oneof({ weight: 11, arbitrary: constant(undefined) }, { weight: 1, arbitrary: what });
}

const position = oneof(nat(40), nat(400));
const messages: Arbitrary<Uint8Array[]> = array(uint8Array({ maxLength: 12 }), { maxLength: 6 });
const producer = record({
  id: constantFrom("p", "q"),
  epoch: constantFrom(0, 0, 1),
  seq: constantFrom(0, 0, 1, 1, 2, 3),
});
const config = record({
  contentType: constantFrom("text/plain", "text/plain;x=y", "text/plain", "application/json"),
  ttlSeconds: rarely(constantFrom(2, 5)),
  expiresAtMs: rarely(integer({ min: 1, max: 60 }).map((seconds) => START_MS + seconds * 1000)),
});
const fork = record(
  { from: name, at: position, bytes: nat(8), messages: nat(4) },
  { requiredKeys: ["from"], noNullPrototype: true },
);

const STEPS: Arbitrary<Step> = oneof(
  {
    weight: 2,
    arbitrary: record({ name, config, messages, closed: seldom(constant(true)).map((closed) => closed ?? false) }).map(
      ({ name: made, ...request }): Step =>
        () =>
        (log) =>
          log.create(made, request),
    ),
  },
  {
    weight: 2,
    arbitrary: record({ name, fork, messages, own: rarely(config) }).map(
      ({ name: made, own, ...request }): Step =>
        () =>
        (log) =>
          log.create(made, { config: own ?? {}, closed: false, ...request }),
    ),
  },
  {
    weight: 16,
    arbitrary: record({
      name,
      messages,
      contentType: rarely(constantFrom("text/plain", "application/json")),
      close: seldom(constant(true)),
      failure: constantFrom(undefined, "why"),
      seq: seldom(constantFrom("1", "2", "21")),
      producer: rarely(producer),
      lease: seldom(nat(3)),
    }).map(({ name: to, lease, ...request }): Step => ({ leases }) => async (log) => {
      const result = await log.append(to, { ...request, lease: lease === undefined ? undefined : leases.at(-lease) });
      if (result.status !== "missing") return result;
      // Most steps are to find something.
      return log.create(to, { config: {}, messages: request.messages, closed: false });
    }),
  },
  {
    weight: 8,
    arbitrary: record({
      name,
      after: position,
      maxBytes: nat(60),
      maxMessages: rarely(integer({ min: 1, max: 8 })),
    }).map(
      ({ name: of, after, ...limits }): Step =>
        () =>
        (log) =>
          log.read(of, after, limits),
    ),
  },
  {
    weight: 3,
    arbitrary: record({
      name,
      retention: record(
        { maxAgeMs: nat(4000), maxBytes: nat(100), maxMessages: nat(10), before: position },
        { requiredKeys: [] },
      ),
    }).map(
      ({ name: of, retention }): Step =>
        () =>
        (log) =>
          log.trim(of, retention),
    ),
  },
  {
    weight: 1,
    arbitrary: name.map(
      (of): Step =>
        () =>
        (log) =>
          log.delete(of),
    ),
  },
  {
    weight: 1,
    arbitrary: name.map(
      (of): Step =>
        () =>
        (log) =>
          log.touch(of),
    ),
  },
  {
    weight: 1,
    arbitrary: name.map(
      (of): Step =>
        () =>
        (log) =>
          log.info(of),
    ),
  },
  {
    weight: 1,
    arbitrary: record({ prefix: constantFrom("", "a"), after: constantFrom("", "a", "b"), limit: nat(4) }).map(
      ({ prefix, ...options }): Step =>
        () =>
        (log) =>
          log.list(prefix, options),
    ),
  },
  {
    weight: 2,
    arbitrary: record({ name, holder: constantFrom("x", "y"), ms: constantFrom(500, 2000) }).map(
      ({ name: of, holder, ms }): Step =>
        ({ leases }) =>
        async (log) => {
          const lease = await log.acquireLease(of, holder, ms);
          if (lease) leases.push(lease);
          return lease;
        },
    ),
  },
  {
    weight: 1,
    arbitrary: record({ name, lease: nat(2), isRenewed: boolean() }).map(
      ({ name: of, lease, isRenewed }): Step =>
        ({ leases }) =>
        async (log) => {
          const held = leases.at(-lease);
          if (!held) return undefined;
          return isRenewed ? log.renewLease(of, held, 1000) : log.releaseLease(of, held);
        },
    ),
  },
  { weight: 1, arbitrary: constant<Step>(() => async (log) => (await log.abandoned()).toSorted()) },
  {
    weight: 2,
    arbitrary: constantFrom(1, 500, 1000, 2500).map((ms): Step => (state) => {
      state.nowMs += ms;
      return async () => {};
    }),
  },
);

/** Any steps, on a log and on the one in memory: every answer is the same. */
export function describeSameAsMemory(open: OpenLog): void {
  test("any steps have the same results as in memory", { timeout: 600_000 }, async () => {
    let steps = 0;
    const statuses = new Map<string, number>();
    const property = asyncProperty(
      array(STEPS, { minLength: STEPS_PER_RUN, maxLength: STEPS_PER_RUN }),
      async (list) => {
        const ours: State = { nowMs: START_MS, leases: [] };
        const its: State = { nowMs: START_MS, leases: [] };
        const { log } = await open({ now: () => ours.nowMs, producerTtlMs: 3000 });
        const model = memoryLog({ now: () => its.nowMs, producerTtlMs: 3000 });
        const generations = new Map<unknown, string>();
        try {
          for (const step of list) {
            const [result, wanted] = [await step(ours)(log), await step(its)(model)];
            steps++;
            const { status } = (wanted ?? {}) as { status?: string };
            if (status !== undefined) statuses.set(status, (statuses.get(status) ?? 0) + 1);
            expect(anonymous(result, generations, "ours")).toEqual(anonymous(wanted, generations, "its"));
          }
        } finally {
          await Promise.all([log.close(), model.close()]);
        }
      },
    );
    await assert(property, { numRuns: RUNS });
    ran(`${steps} steps; ${[...statuses].map(([status, count]) => `${status} ${count}`).join(", ")}`);
  });
}

/** Generations are each log's own: they are told apart by the order in which they came. */
function anonymous(value: unknown, known: Map<unknown, string>, whose: string): unknown {
  return JSON.parse(
    JSON.stringify(value ?? null, (key, part: unknown) => {
      if (key === "generation") {
        const id = `${whose} ${part as StreamInfo["generation"]}`;
        const count = [...known.keys()].filter((other) => String(other).startsWith(whose)).length;
        if (!known.has(id)) known.set(id, String(count));
        return known.get(id);
      }
      return part instanceof Uint8Array ? Buffer.from(part).toString("hex") : part;
    }),
  );
}
