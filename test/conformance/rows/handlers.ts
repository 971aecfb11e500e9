import { HttpError, streamingResponse } from "sluice";
import type { SendResult } from "sluice/node";
import { expect, it } from "vitest";
import { until } from "../../helpers/deadline.ts";
import type { Wire } from "../wire.ts";

const SECRET = "the password is swordfish";
const PROBLEM_500 = { title: "Internal Server Error", status: 500 };

/** What a client gets of a handler that goes wrong: an answer, and never the process's end. */
export function handlerRows(wire: Wire): void {
  /** The answer to one request, and its results; the server must live on. */
  async function answerOf(handler: () => unknown): Promise<{ status: number; body: unknown; results: SendResult[] }> {
    const results: SendResult[] = [];
    let calls = 0;
    await using server = await wire.start(
      () => (calls++ === 0 ? handler() : new Response("alive")) as Response | Promise<Response>,
      { onResult: (result) => results.push(result) },
    );
    const answer = await wire.get(server);
    const body = (await answer.readAll()).toString();
    await until(() => results.length > 0, "the result");
    const next = await wire.get(server);
    expect((await next.readAll()).toString()).toBe("alive");
    return { status: answer.status, body: body === "" ? "" : JSON.parse(body), results: results.slice(0, 1) };
  }

  it.each([
    [
      "throws",
      () => {
        throw new HttpError(422, "Not like this");
      },
    ],
    ["rejects", () => Promise.reject(new HttpError(422, "Not like this"))],
  ])("a handler that %s an HttpError is answered with its status and detail", async (_how, handler) => {
    const { status, body, results } = await answerOf(handler);
    expect(status).toBe(422);
    expect(body).toEqual({ title: "Unprocessable Content", status: 422, detail: "Not like this" });
    expect(results).toMatchObject([{ method: "GET", target: "/", status: 422, outcome: "completed" }]);
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error(SECRET);
      },
    ],
    ["rejects", () => Promise.reject(new Error(SECRET))],
    [
      "throws what is no error",
      () => {
        throw SECRET as unknown as Error;
      },
    ],
    ["returns nothing", () => undefined],
    ["returns a string", () => SECRET],
    ["resolves to an object", () => Promise.resolve({ status: 200, body: SECRET })],
    ["returns null", () => null],
    ["returns Response.error()", () => Response.error()],
    ["returns a field that HTTP does not allow", () => new Response("text", { headers: { "X-Own": "a\u0001b" } })],
    ["returns such a field without a body", () => new Response(null, { headers: { "X-Own": "a\u0001b" } })],
    ["streams with such a field", () => streamingResponse(["text"], { headers: { "X-Own": "a\u007fb" } })],
    [
      "streams late with such a field",
      () =>
        streamingResponse(
          (async function* () {
            await new Promise((resolve) => setTimeout(resolve, 20));
            yield "a";
          })(),
          { commitAfterMs: 5, headers: { "X-Own": "a\u0001b" } },
        ),
    ],
    [
      "throws an HttpError with such a field",
      () => {
        throw new HttpError(401, SECRET, { headers: { "X-Own": "a\u0001b" } });
      },
    ],
    [
      "has a source that fails with such an HttpError",
      () => streamingResponse(() => Promise.reject(new HttpError(401, SECRET, { headers: { "X-Own": "a\u0001b" } }))),
    ],
  ])("a handler that %s is 500, without what it was, and reported", async (_how, handler) => {
    const { status, body, results } = await answerOf(handler);
    expect(status).toBe(500);
    expect(body).toEqual(PROBLEM_500);
    expect(results).toMatchObject([{ status: 500 }]);
    expect(wire.reports.takeAll()).not.toEqual([]);
  });

  it.each(["read", "locked", "cancelled"])("a Response whose body was %s is 500, and reported", async (how) => {
    const { status, body } = await answerOf(async () => {
      const response = new Response(ReadableStream.from([Buffer.from("text")]));
      if (how === "read") await response.text();
      else if (how === "locked") response.body!.getReader();
      else await response.body!.cancel();
      return response;
    });
    expect([status, body]).toEqual([500, PROBLEM_500]);
    expect(wire.reports.take("HANDLER_FAILED")).toHaveLength(1);
  });

  it("a Response of the platform is sent where another class has taken its global's place", async () => {
    const Native = globalThis.Response;
    class Other extends Native {}
    try {
      globalThis.Response = Other;
      await using server = await wire.start(() => new Native("native"));
      const answer = await wire.get(server);
      expect([answer.status, (await answer.readAll()).toString()]).toEqual([200, "native"]);
    } finally {
      globalThis.Response = Native;
    }
  });

  it("a Response of a small body has its length, and no trace of the connection's fields", async () => {
    const headers = {
      Connection: "upgrade",
      "Keep-Alive": "timeout=1",
      "Transfer-Encoding": "gzip",
      Upgrade: "h2c",
      "X-Own": "1",
    };
    await using server = await wire.start(() => new Response("text", { headers }));
    const answer = await wire.get(server);
    expect((await answer.readAll()).toString()).toBe("text");
    expect(answer.headers).toMatchObject({ "content-length": "4", "x-own": "1" });
    expect(answer.headers).not.toHaveProperty("upgrade");
    expect(answer.headers["transfer-encoding"]).toBeUndefined();
    expect(answer.headers["connection"] ?? "").not.toContain("upgrade");
  });

  it("the answers of a server have one result each", async () => {
    const results: SendResult[] = [];
    await using server = await wire.start(
      (request) => {
        const kind = request.headers.get("X-Kind");
        if (kind === "empty") return new Response(null, { status: 204 });
        if (kind === "missing") throw new HttpError(404);
        return streamingResponse(["some", "thing"]);
      },
      { onResult: (result) => results.push(result) },
    );
    for (const [method, kind] of [
      ["GET", ""],
      ["HEAD", ""],
      ["GET", "empty"],
      ["GET", "missing"],
    ] as const) {
      await (await wire.get(server, { method, headers: { "X-Kind": kind } })).readAll();
    }
    await until(() => results.length === 4, "four results");
    expect(results).toMatchObject([
      { method: "GET", status: 200, outcome: "completed", bytes: 9 },
      { method: "HEAD", status: 200, outcome: "completed", bytes: 0 },
      { method: "GET", status: 204, outcome: "completed", bytes: 0 },
      { method: "GET", status: 404, outcome: "completed" },
    ]);
  });
}
