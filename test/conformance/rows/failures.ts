import { HttpError, eventStreamResponse, streamingResponse } from "sluice";
import { expect } from "vitest";
import { Probe } from "../../helpers/probe.ts";
import type { WireAnswer } from "../../helpers/wire-client.ts";
import type { Wire } from "../wire.ts";

const SECRET = "the password is swordfish";

/** Reads to the end; says whether it was a clean one. */
async function readToEnd(answer: WireAnswer): Promise<{ body: string; end: "clean" | "broken" }> {
  let body = "";
  try {
    for (let chunk = await answer.read(); chunk; chunk = await answer.read()) body += chunk.toString();
    return { body, end: "clean" };
  } catch {
    return { body, end: "broken" };
  }
}

/** What failing looks like from outside. */
export function failureRows(wire: Wire): void {
  const failing = (probe: Probe, items: string[], error: unknown) => (): Response =>
    streamingResponse(probe.failing(items, error), { mediaType: "text/plain", onFinish: probe.onFinish });

  /** The answer to a body that fails before its first byte. */
  async function answerTo(error: unknown): Promise<string> {
    const probe = new Probe();
    await using server = await wire.start(failing(probe, [], error));
    let answer: WireAnswer;
    try {
      answer = await wire.get(server);
    } catch {
      return "the connection is cut";
    }
    const { body, end } = await readToEnd(answer);
    const { outcome } = await probe.untilOutcome();
    if (outcome !== "failed") return `its outcome is ${outcome}`;
    if (body.includes(SECRET)) return `${answer.status}, and the message is shown`;
    return end === "broken" ? `${answer.status}, then broken` : `${answer.status} ${body.trim()}`.trim();
  }

  const problem = (title: string, status: number, detail?: string): string =>
    `${status} ${JSON.stringify({ title, status, ...(detail ? { detail } : {}) })}`;

  wire.row("an HttpError before the first byte", problem("Not Found", 404, "No such report"), () =>
    answerTo(new HttpError(404, "No such report", { cause: new Error(SECRET) })),
  );

  wire.row("an error before the first byte", problem("Internal Server Error", 500), async () => {
    const seen = await answerTo(new Error(SECRET));
    expect(wire.reports.take("SOURCE_FAILED").length).toBe(wire.target.sender === "sluice" ? 1 : 0);
    return seen;
  });

  wire.row("a source's function that throws", problem("Service Unavailable", 503, "Later"), async () => {
    const probe = new Probe();
    await using server = await wire.start(() => {
      const source = (): never => {
        throw new HttpError(503, "Later");
      };
      return streamingResponse(source, { onFinish: probe.onFinish });
    });
    return await describeAnswer(await wire.get(server).catch(() => undefined), probe);
  });

  wire.row("a source's function that rejects", problem("Service Unavailable", 503, "Later"), async () => {
    const probe = new Probe();
    await using server = await wire.start(() =>
      streamingResponse(() => Promise.reject(new HttpError(503, "Later")), { onFinish: probe.onFinish }),
    );
    return await describeAnswer(await wire.get(server).catch(() => undefined), probe);
  });

  async function describeAnswer(answer: WireAnswer | undefined, probe: Probe): Promise<string> {
    const read = answer && (await readToEnd(answer));
    const { outcome } = await probe.untilOutcome();
    if (outcome !== "failed") return `its outcome is ${outcome}`;
    if (!answer || !read) return "the connection is cut";
    return read.end === "broken" ? `${answer.status}, then broken` : `${answer.status} ${read.body.trim()}`.trim();
  }

  wire.row("an error after the first byte", "breaks the body, after all that came before", async () => {
    const probe = new Probe();
    await using server = await wire.start(failing(probe, ["first,", "second,"], new Error(SECRET)));
    const answer = await wire.get(server);
    const { body, end } = await readToEnd(answer);
    const { outcome, bytes } = await probe.untilOutcome();
    if (wire.target.sender === "sluice") expect(wire.reports.take("SOURCE_FAILED")).toHaveLength(1);
    expect(body).not.toContain(SECRET);
    if (end === "clean" || outcome !== "failed") return `looks complete (${outcome})`;
    return body === "first,second," && bytes === 13 && answer.status === 200
      ? "breaks the body, after all that came before"
      : `breaks the body, and loses bytes before`;
  });

  wire.row("an error after the first byte, seen by curl", "is a failure of curl's", async () => {
    const probe = new Probe();
    await using server = await wire.start(failing(probe, ["first,", "second,"], new Error(SECRET)));
    const { exitCode } = await wire.curl(server);
    await probe.untilOutcome();
    wire.reports.takeAll();
    return [18, 52, 55, 56, 92].includes(exitCode) ? "is a failure of curl's" : `is exit code ${exitCode}`;
  });

  wire.row("an error after the first byte, seen by curl -0", "is a failure of curl's", async () => {
    const probe = new Probe();
    await using server = await wire.start(failing(probe, ["first,", "second,"], new Error(SECRET)));
    const { exitCode, httpVersion, status } = await wire.curl10(server);
    await probe.untilOutcome();
    wire.reports.takeAll();
    // A reset may overtake what was sent before it.
    expect([200, 0]).toContain(status);
    if (![18, 52, 55, 56].includes(exitCode)) return `is exit code ${exitCode}`;
    return ["1.1", "1.0", "0"].includes(httpVersion) ? "is a failure of curl's" : `is HTTP/${httpVersion}`;
  });

  wire.row("a body that ends well, seen by curl and curl -0", "is none", async () => {
    await using server = await wire.start(() => streamingResponse(new Probe().items(["first,", "second,"])));
    const results = [await wire.curl(server), await wire.curl10(server)];
    const seen = results.map(({ exitCode, body }) => `${exitCode} ${body.toString()}`).join();
    return seen === "0 first,second,,0 first,second," ? "is none" : seen;
  });

  wire.row("an event stream that fails", "is broken, without the error's text", async () => {
    const probe = new Probe();
    await using server = await wire.start((request) =>
      eventStreamResponse(request, () => probe.failing(["a"], new Error(SECRET)), { onFinish: probe.onFinish }),
    );
    const { body, end } = await readToEnd(await wire.get(server));
    await probe.untilOutcome();
    wire.reports.takeAll();
    if (body !== "data: a\n\n") return `shows ${JSON.stringify(body)}`;
    return end === "broken" ? "is broken, without the error's text" : "looks complete";
  });

  wire.row("a body longer or shorter than its contentLength", "is broken", async () => {
    for (const contentLength of [12, 14]) {
      const probe = new Probe();
      await using server = await wire.start(() =>
        streamingResponse(probe.items(["first,", "second,"]), { contentLength, onFinish: probe.onFinish }),
      );
      const answer = await wire.get(server);
      const { end, body } = await readToEnd(answer);
      const { error } = await probe.untilOutcome();
      wire.reports.takeAll();
      if (answer.headers["content-length"] !== String(contentLength)) return "has another length";
      if (end === "clean") return `looks complete with ${body.length} bytes`;
      expect(error).toMatchObject({ code: expect.stringContaining("ERR_CONTENT_LENGTH") as string });
    }
    return "is broken";
  });

  wire.row("a body of exactly its contentLength", "arrives", async () => {
    await using server = await wire.start(() =>
      streamingResponse(new Probe().items(["first,", "second,"]), { contentLength: 13 }),
    );
    const answer = await wire.get(server);
    const { body, end } = await readToEnd(answer);
    const length = answer.headers["content-length"];
    return body === "first,second," && end === "clean" && length === "13"
      ? "arrives"
      : `${body} ${end} ${String(length)}`;
  });
}
