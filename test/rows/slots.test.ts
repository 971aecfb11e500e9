import { expect, test } from "vitest";
import { Slots } from "../../src/rows/slots.ts";

const { signal } = new AbortController();

test("gives as many as there are, and refuses the next until one is back", async () => {
  const slots = new Slots({ maxQueries: 2 });
  const [first] = [await slots.take("a", signal), await slots.take(undefined, signal)];
  await expect(slots.take("b", signal)).rejects.toMatchObject({ status: 503, headers: { "Retry-After": "1" } });
  first();
  first();
  expect(slots.total).toBe(1);
  await slots.take("b", signal);
  await expect(slots.take("b", signal)).rejects.toMatchObject({ status: 503 });
});

test("one caller gets no more than his share; those without a name share what there is", async () => {
  const slots = new Slots({ maxQueries: 5, maxQueriesPerCaller: 2 });
  const give = await slots.take("a", signal);
  await slots.take("a", signal);
  await expect(slots.take("a", signal)).rejects.toThrow("Too many queries of a are running");
  for (let left = 3; left > 0; left--) await slots.take(undefined, signal);
  give();
  await slots.take("a", signal);
});

test("who waits gets the first that fits him, in the order they came", async () => {
  const slots = new Slots({ maxQueries: 2, maxQueriesPerCaller: 1, maxWaitMs: 5_000 });
  const [a, b] = [await slots.take("a", signal), await slots.take("b", signal)];
  const got: string[] = [];
  const waits = (name: string): Promise<void> => slots.take(name, signal).then(() => void got.push(name));
  const all = [waits("a"), waits("c"), waits("b")];
  b();
  await all[1];
  expect(got).toEqual(["c"]);
  a();
  await all[0];
  expect(got).toEqual(["c", "a"]);
});

test("who waits too long is refused, and who leaves is forgotten", async () => {
  const slots = new Slots({ maxQueries: 1, maxWaitMs: 30 });
  const give = await slots.take("a", signal);
  await expect(slots.take("b", signal)).rejects.toMatchObject({ status: 503 });
  const leaving = new AbortController();
  const left = slots.take("b", leaving.signal);
  leaving.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  await expect(slots.take("b", leaving.signal)).rejects.toThrow("left");
  give();
  expect(slots.total).toBe(0);
});

test("closed, it gives none, and waits for those that are out", async () => {
  const slots = new Slots({});
  const give = await slots.take("a", signal);
  let isClosed = false;
  const closed = slots.close().then(() => (isClosed = true));
  await expect(slots.take("b", signal)).rejects.toMatchObject({ code: "ERR_DATABASE" });
  expect(isClosed).toBe(false);
  give();
  await closed;
});

test.each([
  { maxQueries: 0 },
  { maxQueries: 1.5 },
  { maxQueriesPerCaller: 0 },
  { maxWaitMs: -1 },
  { maxWaitMs: Number.NaN },
])("refuses %j", (options) => {
  expect(() => new Slots(options)).toThrow(expect.objectContaining({ code: "ERR_INVALID_OPTION" }) as Error);
});
