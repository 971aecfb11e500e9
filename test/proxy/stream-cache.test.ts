import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { Agent, type IncomingHttpHeaders, get as getHttp } from "node:http";
import { join } from "node:path";
import { type Streams, createStreams } from "sluice";
import { memoryLog } from "sluice/logs/memory";
import { type RunningServer, serve } from "sluice/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ran } from "../faults/support/scale.ts";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { nginxPath } from "./nginx.ts";

if (!nginxPath)
  console.log("Skipped: nginx is not installed (Debian: nginx-light), so no stream is read from its cache");

const READERS = 1_000;

watchReports();

describe.skipIf(!nginxPath)("nginx as a cache before streams", () => {
  const folder = temporaryFolder();
  const log = memoryLog();
  let streams: Streams;
  /** The same, whose long polls end soon. */
  let impatient: Streams;
  let server: RunningServer;
  let nginx: Nginx;
  /** What has come to the streams themselves. */
  let asked: string[] = [];
  const longPollTimeoutMs = 1_500;

  beforeAll(async () => {
    streams = createStreams({ log, maxPageBytes: 10 });
    impatient = createStreams({ log, longPollTimeoutMs });
    server = await serve(
      (request) => {
        const { pathname, search } = new URL(request.url);
        asked.push(pathname + search);
        return (pathname.startsWith("/v1/stream/idle") ? impatient : streams).fetch(request);
      },
      { port: 0 },
    );
    nginx = await Nginx.start(join(folder.path, "nginx"), server.url);
  });
  afterAll(async () => {
    await nginx.stop();
    await server.destroy();
    await streams.close();
    await impatient.close();
    await log.close();
  });

  async function put(name: string, isPublic: boolean): Promise<string> {
    const headers = { "Content-Type": "application/json", ...(isPublic ? { "Stream-Public": "true" } : {}) };
    const { status } = await fetch(`${server.url}/v1/stream/${name}`, { method: "PUT", headers });
    expect(status).toBe(201);
    asked = [];
    return `/v1/stream/${name}`;
  }

  /** Reads by long polls, each where the one before has ended, until the stream is closed. */
  async function poll(path: string, seen: unknown[]): Promise<void> {
    for (let [offset, cursor] = ["-1", ""]; ;) {
      const answer = await nginx.get(`${path}?offset=${offset}&live=long-poll${cursor}`);
      expect(answer.status).toBe(200);
      seen.push(...(JSON.parse(answer.body) as unknown[]));
      if (answer.headers["stream-closed"] === "true") return;
      offset = answer.headers["stream-next-offset"] as string;
      cursor = `&cursor=${answer.headers["stream-cursor"] as string}`;
    }
  }

  test(`asks once for what ${READERS} wait for, where the stream is public`, { timeout: 60_000 }, async () => {
    const path = await put("shared", true);
    const seen = Array.from({ length: READERS }, (): unknown[] => []);
    const ends = Promise.all(seen.map((messages) => poll(path, messages)));
    for (const n of [1, 2, 3]) {
      await until(() => asked.length >= n, "one who asks for all");
      await streams.append("shared", [n], { close: n === 3 });
      await until(() => seen.every(({ length }) => length === n), `append ${n} at all readers`, 15_000);
    }
    await within(ends, "the end of all readers", 15_000);
    expect(seen).toEqual(seen.map(() => [1, 2, 3]));
    ran(`${READERS} long polls of 3 appends through nginx: ${asked.length} requests came to the streams`);
    // Not more than a few for each append: here one, as all have the cursor of the same answer.
    expect(asked.length).toBeLessThanOrEqual(10);
    expect(new Set(asked).size).toBe(3);
  });

  test(
    "answers all who wait where nothing comes with one answer, where the stream is public",
    { timeout: 60_000 },
    async () => {
      const readers = 300;
      const rounds = 3;
      const path = await put("idle-shared", true);
      let slowestMs = 0;
      const idle = async (): Promise<void> => {
        for (let [round, cursor] = [0, ""]; round < rounds; round++) {
          const askedAt = performance.now();
          const answer = await nginx.get(`${path}?offset=-1&live=long-poll${cursor}`);
          slowestMs = Math.max(slowestMs, performance.now() - askedAt);
          expect(answer.status).toBe(204);
          cursor = `&cursor=${answer.headers["stream-cursor"] as string}`;
        }
      };
      await within(Promise.all(Array.from({ length: readers }, idle)), "the last round of all readers", 30_000);
      ran(
        `${rounds} rounds of ${readers} idle long polls of ${longPollTimeoutMs} ms through nginx: ${asked.length} requests ` +
          `came to the streams; the slowest took ${slowestMs.toFixed(0)} ms`,
      );
      expect(asked.length).toBeLessThanOrEqual(2 * rounds);
      // Those who wait look again every half second.
      expect(slowestMs).toBeLessThan(longPollTimeoutMs + 2_500);
      // Who comes later is not told by it that there is nothing.
      const later = nginx.get(`${path}?offset=-1&live=long-poll&cursor=later`);
      await until(() => asked.some((target) => target.endsWith("later")), "his request");
      await impatient.append("idle-shared", [1]);
      expect((await later).body).toBe("[1]");
    },
  );

  test("lets all through when its lock is shorter than a long poll", { timeout: 60_000 }, async () => {
    const readers = 50;
    const short = await Nginx.start(join(folder.path, "short"), server.url, "200ms");
    try {
      const path = await put("idle-short", true);
      const polls = Array.from({ length: readers }, () => short.get(`${path}?offset=-1&live=long-poll`));
      await until(() => asked.filter((target) => target.startsWith(path)).length === readers, "all of them");
      await impatient.append("idle-short", [1]);
      expect((await Promise.all(polls)).map(({ body }) => body)).toEqual(polls.map(() => "[1]"));
    } finally {
      await short.stop();
    }
  });

  test("keeps what a long poll was answered with, where the stream is public", async () => {
    for (const isPublic of [true, false]) {
      const name = `polled-${isPublic}`;
      const path = await put(name, isPublic);
      await streams.append(name, [1]);
      for (let n = 0; n < 3; n++) expect((await nginx.get(`${path}?offset=-1&live=long-poll`)).body).toBe("[1]");
      expect(asked).toHaveLength(isPublic ? 1 : 3);
    }
  });

  test("keeps a page that will not change, where the stream is public", async () => {
    for (const isPublic of [true, false]) {
      const name = `pages-${isPublic}`;
      const path = await put(name, isPublic);
      await streams.append(name, ["0123456789", "more"]);
      for (let n = 0; n < 3; n++) {
        expect((await nginx.get(path)).body).toBe('["0123456789"]');
        // The last page may grow.
        expect((await nginx.get(`${path}?offset=0000000000000000_0000000000000012`)).body).toBe('["more"]');
      }
      expect(asked.filter((target) => target === path)).toHaveLength(isPublic ? 1 : 3);
      expect(asked).toHaveLength(isPublic ? 4 : 6);
    }
  });

  test("does not give a page that it keeps to an EventSource at its address", async () => {
    const path = await put("both", true);
    await streams.append("both", ["0123456789", "more"], { close: true });
    for (let n = 0; n < 2; n++) {
      const page = await nginx.get(path);
      expect(page.headers["content-type"]).toBe("application/json");
      const events = await nginx.get(path, { Accept: "text/event-stream" });
      expect(events.headers["content-type"]).toBe("text/event-stream");
      expect(events.body).toContain('data: "0123456789"\n\n');
      expect(events.body).toContain('data: "more"\n\n');
    }
  });
});

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An nginx that keeps what it may, asks once at a time for what it has not, and listens on a socket in its folder. */
class Nginx {
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #agent = new Agent({ keepAlive: true });

  /** @param lock - how long those wait who ask for what another has asked for; more than a long poll takes */
  static async start(folder: string, upstream: string, lock = "60s"): Promise<Nginx> {
    mkdirSync(folder);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${join(folder, name)};`)
      .join(" ");
    writeFileSync(
      join(folder, "nginx.conf"),
      `worker_processes 1; master_process off; daemon off; pid ${join(folder, "pid")}; error_log stderr;
      events { worker_connections 4096; }
      http { access_log off; ${temporary}
        proxy_cache_path ${join(folder, "cache")} keys_zone=streams:1m;
        server { listen unix:${join(folder, "socket")} backlog=4096; location / {
          proxy_pass ${upstream}; proxy_http_version 1.1; proxy_set_header Connection '';
          proxy_cache streams; proxy_cache_lock on; proxy_cache_lock_timeout ${lock}; proxy_cache_lock_age ${lock}; } } }`,
    );
    const nginx = new Nginx(folder);
    await until(() => existsSync(join(folder, "pid")) || nginx.#child.exitCode !== null, "nginx listening");
    expect(nginx.#child.exitCode).toBe(null);
    return nginx;
  }

  constructor(folder: string) {
    this.#folder = folder;
    this.#child = spawn(nginxPath!, ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], {
      stdio: "ignore",
    });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Got> {
    const options = { socketPath: join(this.#folder, "socket"), path, headers, agent: this.#agent };
    return new Promise((resolve, reject) => {
      const request = getHttp(options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const body = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode!, headers: response.headers, body });
        });
      });
      request.on("error", reject);
    });
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGQUIT");
    await ended;
  }
}
