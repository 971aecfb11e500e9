import { HttpError, streamingResponse } from "sluice";
import { expect, it } from "vitest";
import { Probe } from "../../helpers/probe.ts";
import type { RawClient } from "../../helpers/raw-client.ts";
import type { TestServer } from "../../helpers/servers.ts";
import type { Wire } from "../wire.ts";

/** How bodies are delimited on HTTP/1: nothing of one answer may be taken for a part of the next. */
export function framingRows(wire: Wire): void {
  /** Sends `requests` over one connection, and reads what comes. */
  async function talk(server: TestServer, talkTo: (client: RawClient) => Promise<void>): Promise<void> {
    const client = await wire.raw(server);
    try {
      await talkTo(client);
    } finally {
      client.destroy();
    }
  }

  it("a body of unknown length goes in chunks, and the connection is kept", async () => {
    await using server = await wire.start(() => streamingResponse(new Probe().items(["one,", "two"])));
    await talk(server, async (client) => {
      for (let round = 1; round <= 3; round++) {
        client.get("/");
        const answers = await client.readAnswers(round);
        expect(answers).toHaveLength(round);
        expect(answers.at(-1)).toMatchObject({ status: 200, framing: "chunked", complete: true });
        expect(answers.at(-1)!.body.toString()).toBe("one,two");
      }
    });
  });

  it("a small body that is known whole before its head is sent has its length", async () => {
    await using server = await wire.start(() => streamingResponse(["all ", "at once"]));
    await talk(server, async (client) => {
      client.get("/");
      const [answer] = await client.readAnswers(1);
      expect(answer).toMatchObject({ framing: "length", complete: true });
      expect(answer!.headers.get("content-length")).toEqual(["11"]);
    });
  });

  it("an empty body has its length", async () => {
    await using server = await wire.start(() => streamingResponse([]));
    await talk(server, async (client) => {
      client.get("/");
      client.get("/");
      const answers = await client.readAnswers(2);
      expect(answers.map(({ headers }) => headers.get("content-length"))).toEqual([["0"], ["0"]]);
    });
  });

  it.each([
    ["too little, at once", 20, ["short"], false],
    ["too little, late", 20, ["short"], true],
    ["too much, at once", 8, ["much", "too", "long"], false],
    ["too much, late", 8, ["much", "too", "long"], true],
    ["too much, in one item", 8, ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], false],
    ["a lot too much", 8, ["x".repeat(300_000)], true],
  ])("a source that gives %s never reaches the next answer", async (_what, contentLength, items, late) => {
    for (const how of ["option", "field"]) {
      const bad = (): Response => {
        const source = late ? new Probe().items(items) : items;
        return streamingResponse(
          source,
          how === "option" ? { contentLength } : { headers: { "Content-Length": String(contentLength) } },
        );
      };
      await using server = await wire.start((request) => (request.url.endsWith("/bad") ? bad() : new Response("next")));
      await talk(server, async (client) => {
        client.get("/bad");
        client.get("/next");
        // The parser is strict: bytes that belong to no answer throw.
        const [bad, next] = await client.readAnswers(2);
        // What was not begun is answered with 500; what was is broken, and nothing comes behind it.
        if (bad?.status === 500) expect(next?.body.toString()).toBe("next");
        else expect([bad?.complete ?? false, next]).toEqual([false, undefined]);
      });
      expect(wire.reports.take("SOURCE_FAILED")).toHaveLength(1);
    }
  });

  it("an early error leaves the connection usable, as any answer does", async () => {
    await using server = await wire.start((request) => {
      const url = new URL(request.url);
      if (url.pathname === "/source") return streamingResponse(new Probe().failing([], new HttpError(409)));
      if (url.pathname === "/empty") return new Response(null, { status: 204 });
      return new Response("ok");
    });
    await talk(server, async (client) => {
      const paths = ["/source", "/empty", "/ok", "/source", "/ok"];
      for (const path of paths) client.get(path);
      const answers = await client.readAnswers(paths.length);
      expect(answers.map(({ status }) => status)).toEqual([409, 204, 200, 409, 200]);
      expect(answers.every(({ complete }) => complete)).toBe(true);
    });
  });

  it("204 and 304 have no framing at all, whatever their fields say", async () => {
    await using server = await wire.start((request) => {
      const status = Number(new URL(request.url).pathname.slice(1));
      return new Response(null, { status, headers: { "Content-Length": "5", ETag: '"a"' } });
    });
    await talk(server, async (client) => {
      for (const status of [204, 304, 205, 200]) client.get(`/${status}`);
      const answers = await client.readAnswers(4);
      expect(answers.map(({ status, complete }) => [status, complete])).toEqual([
        [204, true],
        [304, true],
        [205, true],
        [200, true],
      ]);
      // RFC 9110 §8.6: none in a 204; in a 304 it is the length of what was not sent.
      expect(answers.map(({ headers }) => headers.get("content-length"))).toEqual([undefined, ["5"], ["0"], ["0"]]);
      expect(answers.every(({ headers }) => !headers.has("transfer-encoding"))).toBe(true);
    });
  });

  it("HEAD has the fields of GET, and no body", async () => {
    await using server = await wire.start(() =>
      streamingResponse(["body"], { contentLength: 4, mediaType: "text/plain" }),
    );
    await talk(server, async (client) => {
      client.request("HEAD", "/");
      client.get("/");
      const [head, get] = await client.readAnswers(2, ["HEAD", "GET"]);
      expect(get!.body.toString()).toBe("body");
      const fieldsOf = (answer: typeof head): unknown => [...answer!.headers].filter(([name]) => name !== "date");
      expect(fieldsOf(head)).toEqual(fieldsOf(get));
    });
  });

  it("HTTP/1.0 without keep-alive gets no chunks, and the end of the connection", async () => {
    await using server = await wire.start(() => streamingResponse(new Probe().items(["one,", "two"])));
    await talk(server, async (client) => {
      client.send("GET / HTTP/1.0\r\n\r\n");
      expect(await client.end()).toBe("end");
      const [answer] = client.answers();
      expect(answer).toMatchObject({ status: 200, framing: "close", complete: true });
      expect(answer!.body.toString()).toBe("one,two");
      expect(answer!.headers.get("connection")).toEqual(["close"]);
    });
  });

  it("HTTP/1.0 with keep-alive gets two bodies of known length on one connection", async () => {
    await using server = await wire.start(() =>
      streamingResponse(new Probe().items(["one,", "two"]), { contentLength: 7 }),
    );
    await talk(server, async (client) => {
      for (let round = 1; round <= 2; round++) {
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        const answers = await client.readAnswers(round);
        expect(answers.at(-1)).toMatchObject({ framing: "length", complete: true });
      }
    });
  });

  it("HTTP/1.0 gets a reset where the body fails after its first byte", async () => {
    await using server = await wire.start(() => streamingResponse(new Probe().failing(["one"], new Error("broken"))));
    await talk(server, async (client) => {
      client.send("GET / HTTP/1.0\r\n\r\n");
      expect(await client.end()).toBe("reset");
    });
    expect(wire.reports.take("SOURCE_FAILED")).toHaveLength(1);
  });

  it("HTTP/1.0 has an early error as an answer, with its length", async () => {
    await using server = await wire.start(() => streamingResponse(new Probe().failing([], new HttpError(404, "No"))));
    await talk(server, async (client) => {
      client.send("GET / HTTP/1.0\r\n\r\n");
      expect(await client.end()).toBe("end");
      expect(client.answers()).toMatchObject([{ status: 404, framing: "length", complete: true }]);
    });
  });

  it("a client that wants the connection closed gets it closed, with a whole body", async () => {
    await using server = await wire.start(() => streamingResponse(new Probe().items(["one,", "two"])));
    await talk(server, async (client) => {
      client.get("/", "Connection: close");
      expect(await client.end()).toBe("end");
      expect(client.answers()).toMatchObject([{ framing: "chunked", complete: true }]);
    });
  });

  it("a response may close the connection", async () => {
    await using server = await wire.start(() => new Response("last", { headers: { Connection: "close" } }));
    await talk(server, async (client) => {
      client.get("/");
      expect(await client.end()).toBe("end");
      expect(client.answers()).toMatchObject([{ complete: true }]);
    });
  });

  it("a POST whose body is not read does not reach the next request", async () => {
    await using server = await wire.start((request) => streamingResponse([`${request.method} answered`]));
    await talk(server, async (client) => {
      const body = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(5000);
      client.request("POST", "/", `Content-Length: ${body.length}`);
      await client.readAnswers(1);
      client.send(body);
      client.get("/");
      const answers = await client.readAnswers(2);
      expect(answers.map((answer) => answer.body.toString())).toEqual(["POST answered", "GET answered"]);
    });
  });

  it("a large body comes in chunks of at most 64 KiB until the reader has proved fast, each whole", async () => {
    const item = Buffer.alloc(100_000, 1);
    await using server = await wire.start(() => streamingResponse(Array.from({ length: 20 }, () => item)));
    await talk(server, async (client) => {
      client.get("/");
      const [answer] = await client.readAnswers(1);
      expect(answer!.body.length).toBe(2_000_000);
      expect(Math.max(...answer!.chunks)).toBeLessThanOrEqual(64 * 1024);
    });
  });
}
