import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HttpError, eventStreamResponse, setReporter, streamingResponse } from "../../src/index.ts";
import { type RunningServer, serve } from "../../src/node/index.ts";
import { curl } from "../helpers/curl.ts";
import { until, within } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { type Nginx, nginxPath, startNginx } from "./nginx.ts";

if (!nginxPath) console.log("Skipped: nginx is not installed (Debian: nginx-light), so nothing is tested behind it");

const WAYS = [
  ["its default, HTTP/1.0", ""],
  ["HTTP/1.1", "proxy_http_version 1.1; proxy_set_header Connection '';"],
  ["gzip of its own", "gzip on; gzip_types *; gzip_min_length 0; gzip_proxied any;"],
] as const;

describe.skipIf(!nginxPath).each(WAYS)("behind nginx with %s", (_way, directives) => {
  const folder = temporaryFolder();
  let server: RunningServer;
  let nginx: Nginx;
  let left = false;

  const handler = (request: Request): Response => {
    switch (new URL(request.url).pathname) {
      case "/good":
        return streamingResponse(lines(2000), { mediaType: "text/plain" });
      case "/fails-first":
        return streamingResponse(function* () {
          throw new HttpError(409, "Not now");
        });
      case "/fails-later":
        return streamingResponse(
          async function* () {
            yield* lines(2000);
            await new Promise((resolve) => setImmediate(resolve));
            throw new Error("The disk is gone");
          },
          { mediaType: "text/plain" },
        );
      default:
        return eventStreamResponse(request, async function* ({ signal }) {
          yield "at once";
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          left = true;
        });
    }
  };

  beforeAll(async () => {
    setReporter(() => {});
    server = await serve(handler, { port: 0 });
    nginx = await startNginx(folder.path, server.url, directives);
  });
  afterAll(async () => {
    await nginx.stop();
    await server.destroy();
  });

  it("gives a whole body whole", async () => {
    const { exitCode, body } = await curl(`${nginx.url}/good`, "--compressed");
    expect(exitCode).toBe(0);
    expect(body.toString()).toBe([...lines(2000)].join(""));
  });

  it("makes curl exit with an error when the source fails half-way", async () => {
    const { exitCode, status, body } = await curl(`${nginx.url}/fails-later`, "--compressed");
    expect(status).toBe(200);
    expect([...lines(2000)].join("").startsWith(body.toString())).toBe(true);
    expect(exitCode).toBeGreaterThan(0);
  });

  it("keeps the status of a source that fails before its first item", async () => {
    const { exitCode, status, body } = await curl(`${nginx.url}/fails-first`, "--compressed");
    expect([exitCode, status]).toEqual([0, 409]);
    expect(JSON.parse(body.toString())).toMatchObject({ detail: "Not now" });
  });

  it("passes events on as they come, and the reader's leaving", async () => {
    left = false;
    const child = spawn("curl", ["-sN", "--max-time", "8", "-H", "Accept: text/event-stream", `${nginx.url}/events`]);
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    await until(() => text.includes("data: at once\n\n"), "the first event");
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await within(exited, "curl's end");
    await until(() => left, "the source being told that its reader left");
  });
});

function* lines(count: number): Generator<string> {
  for (let line = 0; line < count; line++) yield `line ${line} of a body that is long enough not to fit anywhere\n`;
}
