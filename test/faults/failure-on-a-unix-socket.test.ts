import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { streamingResponse } from "sluice";
import { serve } from "sluice/node";
import { expect, it } from "vitest";
import { curl } from "../helpers/curl.ts";
import { watchReports } from "../helpers/reports.ts";

const reports = watchReports();

async function* failing(): AsyncGenerator<string> {
  yield "the first part\n";
  await turn();
  await turn();
  throw new Error("fails");
}

it("breaks a body visibly on HTTP/1.1, and reports once that on HTTP/1.0 it cannot", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-unix-"));
  const path = join(folder, "socket");
  try {
    await using _server = await serve(() => streamingResponse(failing()), { path });
    for (const options of [["--http1.1"], ["--http1.1"]]) {
      const answer = await curl("http://localhost/", "--unix-socket", path, ...options);
      expect(answer.exitCode).toBe(18);
    }
    expect(reports.take("UNIX_SOCKET_CANNOT_RESET")).toEqual([]);
    for (let count = 0; count < 3; count++) {
      const answer = await curl("http://localhost/", "--unix-socket", path, "-0");
      expect(answer.exitCode, "it cannot be told from a clean end").toBe(0);
      expect(answer.body.toString()).toBe("the first part\n");
    }
    const [report, ...others] = reports.take("UNIX_SOCKET_CANNOT_RESET");
    expect(others).toEqual([]);
    expect(report!.message).toContain("proxy_http_version 1.1");
    expect(reports.take("SOURCE_FAILED")).toHaveLength(5);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("breaks a body with a Content-Length visibly on HTTP/1.0, too", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-unix-"));
  const path = join(folder, "socket");
  try {
    await using _server = await serve(() => streamingResponse(failing(), { contentLength: 1000 }), { path });
    expect((await curl("http://localhost/", "--unix-socket", path, "-0")).exitCode).toBe(18);
    expect(reports.take("UNIX_SOCKET_CANNOT_RESET")).toEqual([]);
    expect(reports.take("SOURCE_FAILED")).toHaveLength(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
