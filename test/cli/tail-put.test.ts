import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startStreams } from "../client/streams-server.ts";
import { FaultServer, head, sends } from "../client/support.ts";
import { startCutter } from "../helpers/cutting-proxy.ts";
import { settled, until } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { Sluice } from "./sluice.ts";
import { SluiceProcess } from "./tail-put-process.ts";

const QUICK = ["--max-retry-delay", "0.05", "--retries", "200"];
const EVENTS = head(200, "Content-Type: text/event-stream");
const LINES = 100_000;

const folder = temporaryFolder();

/** Lines that are JSON, too: nothing but a number, and text beyond ASCII. */
const linesFrom = (from: number, count: number): string =>
  Array.from({ length: count }, (_, index) => `${JSON.stringify({ n: from + index, text: '€ and\\n"more"' })}\n`).join(
    "",
  );

const textOf = async (url: string): Promise<string> => (await fetch(url)).text();

describe("put | tail", () => {
  test.each([
    ["lines of text", []],
    ["messages of JSON", ["--json"]],
    ["bytes", ["--type", "application/octet-stream"]],
  ])("100,000 %s come out as they went in", { timeout: 60_000 }, async (_what, flags) => {
    await using server = await startStreams();
    const url = server.url("a/b");
    const text = linesFrom(0, LINES);
    await using put = new SluiceProcess("put", url, ...flags, "--close").input(text);
    expect([await put.end(30_000), put.stderr, put.stdout]).toEqual([0, "", ""]);
    await using tail = new SluiceProcess("tail", url);
    expect([await tail.end(30_000), tail.stderr]).toEqual([0, ""]);
    // Compared as a whole: a difference is not printed line by line.
    expect(tail.stdout === text).toBe(true);
  });

  test.each([
    ["lines of text", []],
    ["messages of JSON", ["--json"]],
  ])(
    "the server is killed and started again under both, three times: %s come once, in order",
    { timeout: 120_000 },
    async (_what, flags) => {
      const path = join(folder.path, `${flags.length}.db`);
      const serve = (port: number): Sluice =>
        new Sluice(["serve", "--log", `sqlite:${path}`, "--port", String(port), "--data", folder.path]);
      let server = serve(0);
      const origin = await server.listening();
      const url = `${origin}/v1/stream/s`;
      try {
        await using put = new SluiceProcess("put", url, ...flags, "--close", ...QUICK);
        let text = "";
        const feed = async (): Promise<void> => {
          const lines = linesFrom(text.length, 200);
          text += lines;
          if (!put.child.stdin.write(lines)) await once(put.child.stdin, "drain");
        };
        await feed();
        let isThere = false;
        while (!isThere) isThere = (await fetch(url)).ok;
        await using tail = new SluiceProcess("tail", url, ...QUICK);
        for (let kills = 0; kills < 3; kills++) {
          const before = tail.outputBytes;
          while (tail.outputBytes <= before + 50_000) {
            await feed();
            await new Promise((resolve) => setImmediate(resolve));
          }
          await feed();
          server.kill("SIGKILL");
          await server.exited;
          await feed();
          server = serve(Number(new URL(origin).port));
          await server.listening();
        }
        put.child.stdin.end();
        expect(await put.end(60_000)).toBe(0);
        expect(await tail.end(60_000)).toBe(0);
        expect(tail.stdout === text).toBe(true);
        expect([put.stderr, tail.stderr].map((said) => said.includes("trying again"))).toEqual([true, true]);
      } finally {
        await server[Symbol.asyncDispose]();
      }
    },
  );
});

describe("put", () => {
  test("answers that are lost make nothing double", { timeout: 60_000 }, async () => {
    await using server = await startStreams();
    // Often nothing of an answer comes through, sometimes a few of them do.
    await using cutter = await startCutter(server.origin, () => Math.floor(Math.random() ** 2 * 1500));
    const url = server.url("s").replace(server.origin, cutter.url);
    await using put = new SluiceProcess("put", url, "--json", "--close", ...QUICK);
    let text = "";
    for (let count = 0; count < 40; count++) {
      const lines = linesFrom(count * 50, 50);
      text += lines;
      put.child.stdin.write(lines);
      // Each an append of its own.
      await until(() => server.asked.filter((asked) => asked.startsWith("POST")).length > count, "an append");
    }
    put.child.stdin.end();
    expect(await put.end(30_000)).toBe(0);
    expect(await textOf(server.url("s"))).toBe(`[${text.trimEnd().replaceAll("\n", ",")}]`);
    expect(cutter.cuts).toBeGreaterThan(10);
  });

  test("what comes slowly is appended as it comes; a line when its end has come", async () => {
    await using server = await startStreams();
    const url = server.url("s");
    await using put = new SluiceProcess("put", url, "--type", "text/csv");
    put.child.stdin.write("a\nb");
    await until(() => server.asked.some((asked) => asked.startsWith("POST")), "the first append");
    await until(() => server.asked.length === 3, "what it is asked");
    expect(await textOf(url)).toBe("a\n");
    put.child.stdin.end("c");
    expect(await put.end()).toBe(0);
    const answer = await fetch(url);
    expect([await answer.text(), answer.headers.get("content-type")]).toEqual(["a\nbc", "text/csv"]);
    expect(answer.headers.has("stream-closed")).toBe(false);
  });

  test("a stream that is there is written as what it is; another run goes on behind", async () => {
    await using server = await startStreams();
    await server.streams.append("s", [0]);
    const url = server.url("s");
    for (const text of [" 1 \r\n\n[2]", "3\n"]) {
      await using put = new SluiceProcess("put", url).input(text);
      expect([await put.end(), put.stderr]).toEqual([0, ""]);
    }
    expect(await textOf(url)).toBe("[0,1,[2],3]");
    await using put = new SluiceProcess("put", url, "--type", "text/plain").input("4\n");
    expect([await put.end(), put.stderr]).toEqual([
      1,
      "sluice: The stream is of application/json, not of text/plain\n",
    ]);
    // There is nothing to append, and it is closed all the same.
    await using closing = new SluiceProcess("put", url, "--json", "--close").input("");
    expect(await closing.end()).toBe(0);
    await using late = new SluiceProcess("put", url).input("5\n");
    expect([await late.end(), late.stderr]).toEqual([1, "sluice: The stream is closed\n"]);
    expect(await textOf(url)).toBe("[0,1,[2],3]");
  });

  test("a line that is no JSON ends it, behind all that came before, and closes nothing", async () => {
    await using server = await startStreams();
    const url = server.url("s");
    await using put = new SluiceProcess("put", url, "--json", "--close").input("1\n\n2\n{\n4\n");
    expect(await put.end()).toBe(1);
    expect(put.stderr).toMatch(/^sluice: Line 4 is no JSON: .+\nsluice: Appended of the input: its first 3 lines\n$/u);
    const answer = await fetch(url);
    expect([await answer.text(), answer.headers.has("stream-closed")]).toEqual(["[1,2]", false]);
    await using bytes = new SluiceProcess("put", url).input(Uint8Array.from([0x22, 0xff, 0x22, 0x0a]));
    expect([await bytes.end(), bytes.stderr]).toEqual([1, "sluice: What comes behind line 0 is not UTF-8\n"]);
  });

  test("who begins later under the same name takes over", async () => {
    await using server = await startStreams();
    const url = server.url("s");
    await using first = new SluiceProcess("put", url, "--producer", "p");
    first.child.stdin.write("1\n");
    await until(() => server.asked.length === 3, "the first append");
    await using second = new SluiceProcess("put", url, "--producer", "p").input("2\n");
    expect(await second.end()).toBe(0);
    first.child.stdin.write("3\n");
    expect(await first.end()).toBe(1);
    expect(first.stderr).toBe(
      "sluice: Another has begun with this producer's id\nsluice: Appended of the input: its first 1 lines\n",
    );
    expect(await textOf(url)).toBe("1\n2\n");
  });

  test(
    "a server that takes nothing stops standard input, and is given up in the end",
    { timeout: 30_000 },
    async () => {
      let isStalled = true;
      await using server = await startStreams({
        front: (request, next) =>
          request.method === "POST" && isStalled ? new Promise<Response>(() => {}) : next(request),
      });
      const url = server.url("s");
      await using put = new SluiceProcess("put", url, "--stall-timeout", "2", "--retries", "1");
      let written = 0;
      const line = `${"x".repeat(1023)}\n`;
      const write = (): void => {
        while (put.child.stdin.write(line)) written += 1024;
      };
      put.child.stdin.on("drain", write);
      write();
      await until(() => server.asked.length === 3, "the append");
      // One append, what waits for the next, and the pipe.
      expect(await settled(() => written, "what it reads")).toBeLessThan(2 * 1024 * 1024);
      expect(await put.end(15_000)).toBe(1);
      expect(put.stderr).toContain("sluice: The server has not answered for 2 s: trying again in");
      expect(put.stderr).toMatch(
        /sluice: The server has not answered for 2 s \(attempt 2\)\nsluice: Appended of the input: its first 0 lines; of the \d+ behind them that is not known\n$/u,
      );
      isStalled = false;
    },
  );

  test.each([
    [head(403), "The server answered 403"],
    [head(307, "Location: /elsewhere"), "The server redirects to /elsewhere: name that address"],
    [head(200, "Content-Type: text/html"), "There is no Durable Stream at this URL"],
    [head(410), "The stream was deleted"],
  ])("%j ends it", async (answer, message) => {
    await using server = await FaultServer.start(sends(answer));
    await using put = new SluiceProcess("put", server.url).input("x\n");
    expect([await put.end(), put.stderr]).toEqual([1, `sluice: ${message}\n`]);
    expect(server.requests).toHaveLength(1);
  });

  test("a stream that is closed or deleted under it is told, with what the server says of anything else", async () => {
    await using server = await startStreams({ maxMessageBytes: 30 });
    for (const [name, act, message] of [
      [
        "closed",
        () => server.streams.append("closed", [], { contentType: "text/plain", close: true }),
        "The stream was closed by another",
      ],
      ["deleted", () => server.streams.remove("deleted"), "The stream is not there any more"],
      ["large", () => Promise.resolve(), "The server answered 413 ("],
    ] as const) {
      const before = server.asked.length;
      await using put = new SluiceProcess("put", server.url(name), ...QUICK);
      put.child.stdin.write("1\n");
      await until(() => server.asked.length === before + 3, "the first append");
      await act();
      put.child.stdin.write(name === "large" ? `${"x".repeat(40)}\n` : "2\n");
      expect(await put.end()).toBe(1);
      expect(put.stderr).toContain(`sluice: ${message}`);
      expect(put.stderr).toContain("Appended of the input: its first 1 lines\n");
    }
  });

  test("Ctrl-C ends it with 130, and says how far it came", async () => {
    await using server = await startStreams();
    await using put = new SluiceProcess("put", server.url("s"), "--close");
    put.child.stdin.write("1\n2\n");
    await until(() => server.asked.length === 3, "the append");
    await put.kill("SIGINT");
    expect([await put.end(), put.stderr]).toEqual([130, "sluice: Appended of the input: its first 2 lines\n"]);
    expect((await fetch(server.url("s"))).headers.has("stream-closed")).toBe(false);
  });
});

describe("tail", () => {
  test("prints what comes until the stream is closed; JSON as one line each", async () => {
    await using server = await startStreams();
    const url = server.url("s");
    await fetch(url, { method: "PUT", headers: { "Content-Type": "application/json" }, body: '[1.10, {\n"a": 2}]' });
    await using tail = new SluiceProcess("tail", url);
    await using objects = new SluiceProcess("tail", url, "--json");
    await Promise.all([tail.printed(4), objects.printed(4)]);
    await server.streams.append("s", ["€"], { close: true });
    expect([await tail.end(), await objects.end()]).toEqual([0, 0]);
    expect(tail.stdout).toBe('1.10\n{ "a": 2}\n"€"\n');
    const lines = objects.stdout.trimEnd().split("\n");
    expect(lines[0]).toBe('{"id":"0000000000000000_0000000000000004","event":"message","data":1.10}');
    expect(lines.map((line) => (JSON.parse(line) as { data: unknown }).data)).toEqual([1.1, { a: 2 }, "€"]);
    expect([tail.stderr, objects.stderr]).toEqual(["", ""]);
  });

  test("begins behind an id, at the end, or at the beginning", async () => {
    await using server = await startStreams();
    const url = server.url("s");
    const after = await server.streams.append("s", [1]);
    await server.streams.append("s", [2]);
    await using behind = new SluiceProcess("tail", url, "--after", after);
    await using all = new SluiceProcess("tail", url, "--after", "-1");
    await using now = new SluiceProcess("tail", url, "--after", "now");
    await until(() => server.asked.filter((asked) => asked.startsWith("GET")).length === 3, "all readers");
    await server.streams.append("s", [3], { close: true });
    for (const [tail, text] of [
      [behind, "2\n3\n"],
      [all, "1\n2\n3\n"],
      [now, "3\n"],
    ] as const) {
      expect([await tail.end(), tail.stdout]).toEqual([0, text]);
    }
  });

  test("a stream that has failed ends it with 3 and the code, behind all that came before", async () => {
    await using server = await startStreams();
    await server.streams.append("s", ["last"], { failure: "http_502" });
    await using tail = new SluiceProcess("tail", server.url("s"));
    expect([await tail.end(), tail.stdout]).toEqual([3, '"last"\n']);
    expect(tail.stderr).toMatch(
      /^sluice: The stream has failed: http_502\nsluice: To go on from here: --after \S+\n$/u,
    );
    await using missing = new SluiceProcess("tail", server.url("x"));
    expect([await missing.end(), missing.stderr]).toEqual([1, "sluice: The server answered 404\n"]);
  });

  test("anybody's events: a server that breaks off, says nothing to HEAD, and has types of its own", async () => {
    const events = (body: string) => sends(EVENTS, body);
    await using server = await FaultServer.start(
      () => {},
      events("id: 1\nevent: e\ndata: a\ndata: b\n\n"),
      events("retry: 1\nid: 2\ndata: c\n\n"),
      sends(head(204)),
    );
    await using tail = new SluiceProcess("tail", server.url, "--json", "-H", "X-Own: 1", "--stall-timeout", "0.5");
    expect([await tail.end(), tail.stderr]).toEqual([0, ""]);
    expect(tail.stdout).toBe('{"id":"1","event":"e","data":"a\\nb"}\n{"id":"2","event":"message","data":"c"}\n');
    expect(server.requests.map(({ fields }) => [fields.get("x-own"), fields.get("last-event-id")])).toEqual([
      ["1", null],
      ["1", null],
      ["1", "1"],
      ["1", "2"],
    ]);
  });

  test("Ctrl-C ends it with 130, and says where to go on: there nothing is missing, and nothing double", async () => {
    await using server = await startStreams();
    const url = server.url("s");
    const text = linesFrom(0, 5000);
    await server.streams.append(
      "s",
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    );
    await using first = new SluiceProcess("tail", url);
    first.child.stdout.once("data", () => first.child.kill("SIGINT"));
    expect(await first.end()).toBe(130);
    const [, after] = /^sluice: To go on from here: --after (\S+)\n$/u.exec(first.stderr)!;
    await server.streams.append("s", [], { close: true });
    await using second = new SluiceProcess("tail", url, "--after", after!);
    expect(await second.end()).toBe(0);
    expect(first.stdout + second.stdout === text).toBe(true);
  });

  test("a reader of its output that leaves ends it with 1, without a word; a slow one holds it back", async () => {
    await using server = await startStreams();
    const message = "x".repeat(1000);
    for (let count = 0; count < 100; count++) await server.streams.append("s", Array<string>(100).fill(message));
    await using tail = new SluiceProcess("tail", server.url("s"));
    tail.child.stdout.pause();
    await until(() => server.asked.length === 2, "the request");
    tail.child.stdout.resume();
    tail.child.stdout.once("data", () => tail.child.stdout.destroy());
    expect([await tail.end(), tail.stderr]).toEqual([1, ""]);
  });

  test("gives up a server that is away, and says why", async () => {
    const server = await FaultServer.start(sends(head(204)));
    const { url } = server;
    await server[Symbol.asyncDispose]();
    const { host } = new URL(url);
    await using tail = new SluiceProcess("tail", url, "--retries", "1", "--max-retry-delay", "0.01");
    expect([await tail.end(), tail.stderr]).toEqual([
      1,
      `sluice: ${host} cannot be reached (ECONNREFUSED): trying again in 0.0 s\n` +
        `sluice: ${host} cannot be reached (ECONNREFUSED) (attempt 2)\n`,
    ]);
    // A port that no request is sent to stays one.
    await using never = new SluiceProcess("tail", "http://127.0.0.1:1/");
    expect([await never.end(), never.stderr]).toEqual([1, "sluice: 127.0.0.1:1 cannot be reached (bad port)\n"]);
  });
});

test.each([
  [["tail"], "missing required argument"],
  [["tail", "ftp://localhost/"], "A URL begins with"],
  [["put", "http://localhost/", "--type", "text"], "A type is such as"],
  [["put", "http://localhost/", "--type", "text/csv", "--json"], "cannot be used with"],
  [["put", "http://localhost/", "-H", "no field"], 'A field is "Name: value"'],
])("%j is an error of usage", async (args, message) => {
  await using run = new SluiceProcess(...args);
  expect(await run.end()).toBe(2);
  expect(run.stderr).toContain(message);
});
