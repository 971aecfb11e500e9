import { eventStreamResponse, streamingResponse } from "sluice";
import { until } from "../../helpers/deadline.ts";
import { Probe } from "../../helpers/probe.ts";
import { send } from "../../helpers/wire-client.ts";
import type { Wire } from "../wire.ts";

const LARGE = Array.from({ length: 3000 }, (_, index) =>
  index % 3 === 0 ? `line ${index} é\n` : Buffer.alloc(index, index),
);

/** What a body is, and when it comes. */
export function bodyRows(wire: Wire): void {
  wire.row("a body", "arrives intact", async () => {
    const probe = new Probe();
    await using server = await wire.start(() => streamingResponse(probe.items(LARGE), { onFinish: probe.onFinish }));
    const answer = await wire.get(server);
    const body = await answer.readAll();
    const { outcome, bytes } = await probe.untilOutcome();
    const expected = Buffer.concat(LARGE.map((item) => Buffer.from(item as string)));
    if (!body.equals(expected)) return `${body.length} of ${expected.length} bytes`;
    return outcome === "completed" && bytes === body.length ? "arrives intact" : `${outcome} with ${bytes} bytes`;
  });

  wire.row("a body's first bytes", "arrive before the source ends", async () => {
    let go: () => void = () => {};
    const gone = new Promise<void>((resolve) => (go = resolve));
    await using server = await wire.start(() =>
      streamingResponse(
        (async function* () {
          yield "first";
          await gone;
          yield "last";
        })(),
        { mediaType: "text/plain" },
      ),
    );
    const answer = await wire.get(server);
    const first = await answer.read();
    go();
    return `${first?.toString()}|${(await answer.readAll()).toString()}` === "first|last"
      ? "arrive before the source ends"
      : "arrive late";
  });

  wire.row("the head", "comes before a source that is slow to begin", async () => {
    let go: () => void = () => {};
    const gone = new Promise<void>((resolve) => (go = resolve));
    await using server = await wire.start(() =>
      streamingResponse(
        (async function* () {
          await gone;
          yield "late";
        })(),
        { commitAfterMs: 10 },
      ),
    );
    let began = false;
    const timer = setTimeout(() => {
      began = true;
      go();
    }, 1500);
    const answer = await wire.get(server);
    const early = !began;
    clearTimeout(timer);
    go();
    if ((await answer.readAll()).toString() !== "late") return "the body is lost";
    return early ? "comes before a source that is slow to begin" : "comes with the first bytes";
  });

  wire.row("an event stream", "comes event by event, and opens in silence", async () => {
    const probe = new Probe();
    await using server = await wire.start((request) =>
      eventStreamResponse(request, (context) => probe.idle(["a"], context), {
        onFinish: probe.onFinish,
        keepAliveMs: 50,
      }),
    );
    const answer = await wire.get(server, { headers: { Accept: "text/event-stream" } });
    let text = "";
    while (!text.includes("keep-alive")) text += String(await answer.read());
    answer.leave();
    await probe.untilFinished();
    const { outcome } = await probe.untilOutcome();
    const type = String(answer.headers["content-type"]);
    return text.startsWith("data: a\n\n: keep-alive\n\n") && type === "text/event-stream" && outcome === "aborted"
      ? "comes event by event, and opens in silence"
      : `${type} ${outcome} ${JSON.stringify(text)}`;
  });

  wire.row("an event stream without events", "is 204", async () => {
    await using server = await wire.start((request) => eventStreamResponse(request, () => null));
    const answer = await wire.get(server);
    const body = await answer.readAll();
    return body.length === 0 ? `is ${answer.status}` : `has ${body.length} bytes`;
  });

  wire.row("HEAD", "never runs a source", async () => {
    const probe = new Probe();
    await using server = await wire.start(() =>
      streamingResponse((context) => probe.endless("x", context), {
        mediaType: "text/plain",
        headers: { "X-Own": "1" },
        onFinish: probe.onFinish,
      }),
    );
    const answer = await send(wire.target.protocol, server.port, "/", { method: "HEAD" }, 2000).catch(() => undefined);
    if (!answer) return probe.pulled === 0 ? "hangs" : "hangs, and runs the source";
    const body = await answer.readAll();
    if (answer.status !== 200 || answer.headers["x-own"] !== "1" || body.length > 0) return "is answered wrongly";
    if (probe.pulled > 0) return "runs the source";
    try {
      await until(() => probe.outcome !== undefined, "the outcome", 2000);
    } catch {
      return "never runs a source, but keeps it until it is swept away";
    }
    return probe.outcome?.outcome === "discarded" ? "never runs a source" : `ends as ${probe.outcome?.outcome}`;
  });

  wire.row("a status without a body", "has none", async () => {
    await using server = await wire.start((request) => {
      const status = Number(request.headers.get("X-Status"));
      return new Response(null, { status, headers: { ETag: '"a"' } });
    });
    for (const status of [204, 205, 304]) {
      const answer = await wire.get(server, { headers: { "X-Status": String(status) } });
      const body = await answer.readAll();
      if (answer.status !== status || body.length > 0 || answer.headers["etag"] !== '"a"')
        return `is wrong for ${status}`;
    }
    return "has none";
  });

  wire.row("two cookies", "are two fields", async () => {
    await using server = await wire.start(() => {
      const headers: [string, string][] = [
        ["Set-Cookie", "a=1; Path=/"],
        ["Set-Cookie", "b=2"],
        ["X-Own", "1"],
        ["X-Own", "2"],
      ];
      return streamingResponse(["x"], { headers });
    });
    const { headers, readAll } = await wire.get(server);
    await readAll();
    const cookies = headers["set-cookie"];
    return JSON.stringify(cookies) === '["a=1; Path=/","b=2"]' && headers["x-own"] === "1, 2"
      ? "are two fields"
      : `are ${JSON.stringify(cookies)}`;
  });

  wire.row("a POST whose body is not read", "is answered", async () => {
    await using server = await wire.start(() => streamingResponse(["answered"], { mediaType: "text/plain" }));
    const answer = await wire.get(server, { method: "POST", body: Buffer.alloc(300_000) });
    return (await answer.readAll()).toString() === "answered" ? "is answered" : "is lost";
  });

  wire.row("a Response used twice", "is 500 the second time", async () => {
    const response = streamingResponse(["once"], { mediaType: "text/plain" });
    await using server = await wire.start(() => response);
    const first = await wire.get(server);
    if ((await first.readAll()).toString() !== "once") return "fails the first time";
    try {
      const second = await wire.get(server);
      const body = await second.readAll();
      wire.reports.takeAll();
      return `is ${second.status} the second time${body.includes("once") ? ", with the body" : ""}`;
    } catch {
      return "is cut the second time";
    }
  });
}
