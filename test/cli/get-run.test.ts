import { readFileSync } from "node:fs";
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GetProcess } from "../client/run-get.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { type ExportServer, makeDatabase, serveExports } from "../server/support.ts";

const ROWS = 400_000;
/** A connection is cut when so many bytes have come through it. */
const CUT_AFTER_BYTES = 1_500_000;
const folder = temporaryFolder();
let server: ExportServer;

beforeAll(async () => {
  const path = makeDatabase(
    join(folder.path, "app.db"),
    `CREATE TABLE large (i INTEGER PRIMARY KEY, s TEXT);
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
       INSERT INTO large SELECT i, 'row ' || i FROM n`,
  );
  server = await serveExports({ database: `sqlite:${path}` });
});
afterAll(() => server[Symbol.asyncDispose]());

interface Cutter extends AsyncDisposable {
  readonly url: string;
  readonly cuts: number;
}

/** A proxy that cuts each connection after a while. */
async function startCutter(target: string): Promise<Cutter> {
  const { port } = new URL(target);
  let cuts = 0;
  const open = new Set<Socket>();
  const proxy: Server = createServer((client) => {
    const upstream = connect(Number(port), "127.0.0.1");
    let bytes = 0;
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
    }
    client.pipe(upstream);
    upstream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (!client.write(chunk)) upstream.pause();
      if (bytes < CUT_AFTER_BYTES) return;
      cuts++;
      client.destroy();
    });
    client.on("drain", () => upstream.resume());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    get cuts() {
      return cuts;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

test("a download of a run goes on after each cut, on the first address, with the same bytes", async () => {
  await using cutter = await startCutter(server.url);
  await using run = new GetProcess(folder.path, `${cutter.url}/export/large.csv?resumable=1`, "-o", "large.csv");
  expect([await run.end(), run.stderr]).toEqual([0, run.stderr]);
  expect(run.stderr).toContain("sha-256 is right");
  expect(cutter.cuts).toBeGreaterThan(2);
  const whole = await (await fetch(`${server.url}/export/large.csv`)).text();
  expect(readFileSync(join(folder.path, "large.csv"), "utf8")).toBe(whole);
  expect(whole.split("\r\n")).toHaveLength(ROWS + 2);
});

test("Parquet comes by its redirect, and is verified", async () => {
  await using run = new GetProcess(folder.path, `${server.url}/export/large.parquet`);
  expect([await run.end(), run.stderr]).toEqual([0, run.stderr]);
  expect(run.stderr).toMatch(/large\.parquet: \d+ bytes,.* sha-256 is right/u);
  expect(readFileSync(join(folder.path, "large.parquet")).subarray(-4).toString()).toBe("PAR1");
});
