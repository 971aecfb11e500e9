import type { Answer } from "../../src/client/destination.ts";
import { createExchange } from "../../src/cli/get/exchange.ts";
import { LengthWatch } from "../../src/cli/get/length-watch.ts";
import { expect, test } from "vitest";
import { until } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { startRig } from "../representation/spool-rig.ts";

const folder = temporaryFolder();
const ASK_MS = 10;

function exchangeOf(url: string): ReturnType<typeof createExchange> {
  return createExchange({ url: new URL(url), fields: new Headers(), connectTimeoutMs: 1000, stallTimeoutMs: 1000 });
}

test.each([
  ["all of it", {}],
  ["a part without an end", { range: "bytes=2-" }],
])(
  "of a run that is finished while it is read, the length is known before its last byte: %s",
  async (_what, fields) => {
    await using rig = await startRig(folder.path);
    rig.fed.give("123");
    const watch = new LengthWatch(ASK_MS);
    const answer = await watch.exchange(exchangeOf(await rig.run()))(
      { ...fields, "accept-encoding": "identity" },
      new AbortController().signal,
    );
    expect([answer.fields.has("content-length"), watch.completeLength]).toEqual([false, undefined]);
    rig.fed.give("45");
    rig.fed.end();
    await until(() => watch.completeLength === 5, "the length");
    answer.cancel();
  },
);

test("what was made anew meanwhile has another length, which is not told", async () => {
  await using rig = await startRig(folder.path);
  rig.fed.give("123");
  let heads = 0;
  const exchange = exchangeOf(rig.url);
  const watch = new LengthWatch(ASK_MS);
  const answer = await watch.exchange(async (fields, signal) => {
    const sent = await exchange(fields, signal);
    const head = async (): Promise<Headers> => {
      heads++;
      return new Headers({ etag: '"another"', "content-length": "7" });
    };
    return { ...sent, head };
  })({}, new AbortController().signal);
  await until(() => heads > 0, "the question");
  expect(watch.completeLength).toBeUndefined();
  answer.cancel();
  rig.fed.end();
});

test("nobody is asked about what has a length, or no tag", async () => {
  const asked = new Map<object, number>();
  const watched = async (fields: Record<string, string>): Promise<object> => {
    const answer: Answer = {
      status: 200,
      fields: new Headers(fields),
      url: new URL("http://host/"),
      body: (async function* () {})(),
      trailers: () => new Headers(),
      head() {
        asked.set(answer, (asked.get(answer) ?? 0) + 1);
        return Promise.resolve(new Headers());
      },
      cancel() {},
    };
    return new LengthWatch(1).exchange(() => Promise.resolve(answer))({}, new AbortController().signal);
  };
  await watched({ "content-length": "5", etag: '"1"', "accept-ranges": "bytes" });
  await watched({ "accept-ranges": "bytes" });
  await watched({ etag: '"1"' });
  const growing = await watched({ etag: '"1"', "accept-ranges": "bytes" });
  await until(() => (asked.get(growing) ?? 0) >= 5, "the fifth question");
  expect(asked.size).toBe(1);
});
