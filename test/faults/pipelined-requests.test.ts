import { setTimeout as delay } from "node:timers/promises";
import { streamingResponse } from "sluice";
import { type FetchHandler, type SendResult, serve } from "sluice/node";
import { afterEach, beforeEach, expect, it } from "vitest";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import { until } from "./support/deadline.ts";

watchReports();

let warnings: Error[];
const onWarning = (warning: Error): void => void warnings.push(warning);
beforeEach(() => {
  warnings = [];
  process.on("warning", onWarning);
});
afterEach(() => void process.removeListener("warning", onWarning));

let begun = 0;
let cleanedUp = 0;
beforeEach(() => {
  begun = cleanedUp = 0;
});

async function* waiting(signal: AbortSignal, first = ""): AsyncGenerator<string> {
  begun++;
  try {
    yield first;
    await delay(60_000, undefined, { signal });
  } finally {
    cleanedUp++;
  }
}

const idle = (first?: string): Response =>
  streamingResponse(({ signal }) => waiting(signal, first), { commitAfterMs: 0 });

async function withResults(handler: FetchHandler, work: (client: RawClient, results: SendResult[]) => Promise<void>) {
  const results: SendResult[] = [];
  await using server = await serve(handler, { port: 0, onResult: (result) => void results.push(result) });
  using client = await RawClient.connect(server.port);
  await work(client, results);
  expect(server.active).toBe(0);
}

const outcomes = (results: SendResult[]): string[] =>
  results.map(({ target, outcome }) => `${target} ${outcome}`).toSorted();

it("answers 50 requests sent at once, in order, and without a warning", async () => {
  const handler: FetchHandler = ({ url }) => {
    const { pathname } = new URL(url);
    return streamingResponse(
      (async function* () {
        yield `${pathname} `;
        await delay(pathname === "/0" ? 50 : 1);
        yield "done\n";
      })(),
    );
  };
  await withResults(handler, async (client, results) => {
    for (let index = 0; index < 50; index++) client.get(`/${index}`);
    const answers = await client.readAnswers(50);
    expect(answers.map(({ body }) => body.toString())).toEqual(
      Array.from({ length: 50 }, (_, index) => `/${index} done\n`),
    );
    await until(() => results.length === 50, "all outcomes");
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(["completed"]));
  });
  expect(warnings).toEqual([]);
});

it("stops a source whose answer waits behind another's when the reader leaves", async () => {
  await withResults(
    () => idle("first"),
    async (client, results) => {
      client.get("/1");
      client.get("/2");
      await client.readUntil("first");
      await until(() => begun === 2, "the start of both");
      client.reset();
      await until(() => cleanedUp === 2, "the end of both", 1000);
      await until(() => results.length === 2, "both outcomes", 1000);
      expect(outcomes(results)).toEqual(["/1 aborted", "/2 aborted"]);
    },
  );
});

it("does not start a source for a reader that left before the handler answered, behind another answer", async () => {
  let answer: () => void = () => {};
  const asked = new Promise<void>((resolve) => (answer = resolve));
  const handler: FetchHandler = async ({ url }) => {
    if (url.endsWith("/2")) await asked;
    return idle("first");
  };
  await withResults(handler, async (client, results) => {
    client.get("/1");
    client.get("/2");
    await client.readUntil("first");
    client.reset();
    await until(() => results.length === 1, "the end of the first");
    answer();
    await until(() => results.length === 2, "the outcome of the second", 1000);
    expect(outcomes(results)).toEqual(["/1 aborted", "/2 aborted"]);
    expect(begun).toBe(cleanedUp);
  });
});

it("tells the outcome of an answer without a body that waited behind another's when the reader left", async () => {
  const handler: FetchHandler = ({ url }) => (url.endsWith("/2") ? new Response(null, { status: 204 }) : idle("first"));
  await withResults(handler, async (client, results) => {
    client.get("/1");
    client.get("/2");
    await client.readUntil("first");
    client.reset();
    await until(() => results.length === 2, "both outcomes", 1000);
    expect(outcomes(results)).toEqual(["/1 aborted", "/2 aborted"]);
  });
});

it("tells the outcome of an answer without a body that came after the reader had left", async () => {
  let answer: (response: Response) => void = () => {};
  const handler: FetchHandler = () => new Promise((resolve) => (answer = resolve));
  const results: SendResult[] = [];
  await using server = await serve(handler, { port: 0, onResult: (result) => void results.push(result) });
  const gone = new Promise((resolve) => server.server.once("connection", (socket) => socket.once("close", resolve)));
  using client = await RawClient.connect(server.port);
  client.get("/1");
  await delay(20);
  client.reset();
  await gone;
  answer(new Response(null, { status: 204 }));
  await until(() => results.length === 1, "the outcome", 1000);
  expect(outcomes(results)).toEqual(["/1 aborted"]);
});
