import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { curl } from "../helpers/curl.ts";
import { until, within } from "../helpers/deadline.ts";
import { closeServer } from "../helpers/servers.ts";
import { isRunning } from "../rows/support.ts";
import { Sluice } from "./sluice.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const demo = ["serve", "--demo", "--port", "0", "--data", folder, "--demo-rows", "1000"];

test("without --demo there is /healthz", async () => {
  await using sluice = new Sluice(["serve", "--port", "0"]);
  const url = await sluice.listening();
  expect((await curl(`${url}/healthz`)).body.toString()).toBe("ok\n");
  expect((await curl(`${url}/export`)).status).toBe(404);
  expect(sluice.stderr).toContain("--demo");
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s lets what has an end come to it, ends event streams, and ends the process",
  async (signal) => {
    await using sluice = new Sluice(demo);
    const url = await sluice.listening();
    const [stream, events] = await Promise.all([fetch(`${url}/stream`), fetch(`${url}/sse`)]);
    sluice.kill(signal);
    await until(() => sluice.log.some(({ msg }) => msg.startsWith("closing")), "the signal");
    expect((await curl(`${url}/healthz`)).exitCode).toBe(7);
    expect(await events.text()).toMatch(/^id: 1\n[\s\S]*retry: \d+\n\n$/u);
    expect(await stream.text()).toMatch(/^line 1 of 10[\s\S]*line 10 of 10.*\n$/u);
    expect(await sluice.end()).toBe(0);
    expect(sluice.log.at(-1)).toMatchObject({ msg: "closed" });
  },
);

test("a signal that comes when all is done ends the process, idle reader processes included", async () => {
  await using sluice = new Sluice(demo);
  const url = await sluice.listening();
  expect((await curl(`${url}/export`)).exitCode).toBe(0);
  sluice.kill("SIGTERM");
  expect(await sluice.end(2_000)).toBe(0);
});

test("a second signal cuts what is still being sent, visibly", async () => {
  await using sluice = new Sluice(demo);
  const url = await sluice.listening();
  const response = await fetch(`${url}/stream`);
  const failure = response.text().catch((error: unknown) => error);
  sluice.kill("SIGTERM");
  await until(() => sluice.log.some(({ msg }) => msg.startsWith("closing")), "the first signal");
  sluice.kill("SIGTERM");
  expect(await sluice.end(2_000)).toBe(0);
  expect(await failure).toBeInstanceOf(TypeError);
  expect(await sluice.answered("/stream")).toMatchObject({ outcome: "drained" });
});

test("a signal that comes while a query is busy leaves no reader process", async () => {
  await using sluice = new Sluice([
    "serve",
    "--demo",
    "--port",
    "0",
    "--data",
    join(folder, "busy"),
    "--demo-rows",
    "100000",
  ]);
  const url = await sluice.listening();
  const response = await fetch(`${url}/export`);
  const children = (): string =>
    readFileSync(`/proc/${sluice.child.pid}/task/${sluice.child.pid}/children`, "utf8").trim();
  const pid = Number(children());
  expect(pid).toBeGreaterThan(0);
  sluice.kill("SIGTERM");
  await until(() => sluice.log.some(({ msg }) => msg.startsWith("closing")), "the first signal");
  sluice.kill("SIGTERM");
  expect(await sluice.end(2_000)).toBe(0);
  await response.text().catch(() => {});
  await until(() => !isRunning(pid), "the end of the reader process", 1_000);
});

test("a process that is killed takes its reader processes with it", async () => {
  await using sluice = new Sluice([
    "serve",
    "--demo",
    "--port",
    "0",
    "--data",
    join(folder, "busy"),
    "--demo-rows",
    "100000",
  ]);
  const url = await sluice.listening();
  const response = await fetch(`${url}/export`);
  const pid = Number(readFileSync(`/proc/${sluice.child.pid}/task/${sluice.child.pid}/children`, "utf8"));
  sluice.kill("SIGKILL");
  await response.text().catch(() => {});
  await until(() => !isRunning(pid), "the end of the reader process");
});

test("a port that is in use is named, with how to choose another", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await until(() => other.listening, "the other server");
  const { port } = other.address() as AddressInfo;
  await using sluice = new Sluice(["serve", "--port", String(port)]);
  expect(await sluice.end()).toBe(1);
  expect(sluice.stderr).toBe(
    `sluice: Port ${port} of 127.0.0.1 is in use. Choose another: --port ${port + 1}, or PORT=${port + 1}; --port 0 takes a free one.\n`,
  );
  await closeServer(other);
});

test("a host that is not here is named", async () => {
  await using sluice = new Sluice(["serve", "--port", "0", "--host", "192.0.2.1"]);
  expect(await sluice.end()).toBe(1);
  expect(sluice.stderr).toContain("192.0.2.1 is no address of this machine");
});

test("a folder that cannot be made is named", async () => {
  const below = join(folder, "file/below");
  writeFileSync(join(folder, "file"), "");
  await using sluice = new Sluice(["serve", "--demo", "--port", "0", "--data", below]);
  expect(await sluice.end()).toBe(1);
  expect(sluice.stderr).toMatch(/^sluice: The demo's data could not be made in .+\/file\/below: ENOTDIR.+\n$/u);
});

test("PORT and HOST are used, and flags win", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await until(() => taken.listening, "the other server");
  const { port } = taken.address() as AddressInfo;
  const env = { PORT: String(port), HOST: "127.0.0.2" };
  await using byEnvironment = new Sluice(["serve"], env);
  expect(await byEnvironment.listening()).toBe(`http://127.0.0.2:${port}`);
  await using byFlags = new Sluice(["serve", "--port", "0", "--host", "127.0.0.1"], env);
  expect(await byFlags.listening()).toMatch(/^http:\/\/127\.0\.0\.1:(?!0$)\d+$/u);
  await closeServer(taken);
});

test.each([
  ["--port", "65536"],
  ["--port", "-1"],
  ["--port", "8e3"],
  ["--port", ""],
  ["--port", "http"],
  ["--demo-rows", "0"],
  ["--demo-rows", "many"],
])("refuses %s %j", async (flag, value) => {
  await using sluice = new Sluice(["serve", `${flag}=${value}`]);
  expect(await sluice.end()).toBe(1);
  expect(sluice.stderr).toContain(`error: option '${flag}`);
});

test("--version says the package's, --help what there is", async () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
    version: string;
  };
  await using versioned = new Sluice(["--version"]);
  expect([await versioned.end(), versioned.stdout]).toEqual([0, `${version}\n`]);
  await using helped = new Sluice(["serve", "--help"]);
  expect(await helped.end()).toBe(0);
  for (const part of ["--port", "--host", "--demo", "--data", "PORT", "HOST"]) expect(helped.stdout).toContain(part);
  await using unknown = new Sluice(["server"]);
  expect(await within(unknown.end(), "the end")).toBe(1);
  expect(unknown.stderr).toContain("unknown command 'server'");
});
