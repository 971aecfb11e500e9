import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { curl } from "../helpers/curl.ts";
import { Sluice } from "./sluice.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-demo-"));
const data = join(folder, "data");
let sluice: Sluice;
let url: string;

beforeAll(async () => {
  sluice = new Sluice(["serve", "--demo", "--port", "0", "--data", data, "--demo-rows", "2000"]);
  url = await sluice.listening();
}, 30_000);
afterAll(async () => {
  await sluice[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test("/ lists the routes with their commands, as text and as HTML", async () => {
  const text = (await curl(`${url}/`)).body.toString();
  for (const path of ["/stream", "/download", "/sse", "/large-file", "/video", "/events", "/export"]) {
    expect(text).toMatch(new RegExp(`curl .*${url}${path}`, "u"));
  }
  const html = await curl(`${url}/`, "-H", "Accept: text/html,application/xhtml+xml,*/*;q=0.8", "-i");
  expect(html.body.toString()).toMatch(/content-type: text\/html; charset=utf-8[\s\S]*<a href="\/export">/iu);
  expect(sluice.stderr).toContain(`${url}/export`);
});

test("/stream gives lines as they are made", async () => {
  const { exitCode, body } = await curl(`${url}/stream`, "--max-time", "2.3");
  expect(exitCode).toBe(28);
  const lines = body.toString().split("\n").slice(0, -1);
  expect(lines.length).toBeGreaterThanOrEqual(3);
  expect(lines.length).toBeLessThanOrEqual(5);
  const times = lines.map((line) => Date.parse(line.slice(line.indexOf("made at ") + 8)));
  expect(times.every((time, index) => index === 0 || time > times[index - 1]!)).toBe(true);
});

test("/download is 50 MB, saved as output.txt", async () => {
  const { exitCode, body } = await curl(
    `${url}/download`,
    "-OJ",
    "--output-dir",
    folder,
    "-w",
    "%{stdout}%{size_download}",
  );
  expect([exitCode, body.toString()]).toEqual([0, "50000000"]);
  const text = readFileSync(join(folder, "output.txt"), "utf8");
  expect(text.length).toBe(50_000_000);
  expect(text.slice(0, 20)).toBe("line 1 of 1000000 . ");
  expect(text.slice(-50)).toMatch(/^line 1000000 of 1000000[ .]+\n$/u);
});

test("/sse counts once a second, and goes on where its reader was", async () => {
  const fresh = (await curl(`${url}/sse`, "--max-time", "1.6")).body.toString();
  expect(fresh).toMatch(/^id: 1\ndata: \{"count":1,.*\}\n\nid: 2\n/u);
  expect(fresh).not.toContain("id: 3\n");
  const resumed = (await curl(`${url}/sse`, "--max-time", "0.7", "-H", "Last-Event-ID: 41")).body.toString();
  expect(resumed).toMatch(/^id: 42\n/u);
  expect((await curl(`${url}/sse`, "--max-time", "0.7", "-H", "Last-Event-ID: nonsense")).body.toString()).toMatch(
    /^id: 1\n/u,
  );
});

test("/events continues behind the last event that its reader has", async () => {
  const ids = (text: string): number[] => [...text.matchAll(/^id: (\d+)$/gmu)].map(([, id]) => Number(id));
  const resumed = ids((await curl(`${url}/events`, "--max-time", "0.7", "-H", "Last-Event-ID: 5")).body.toString());
  expect(resumed.slice(0, 5)).toEqual([6, 7, 8, 9, 10]);
  const fresh = ids((await curl(`${url}/events`, "--max-time", "1.6")).body.toString());
  expect(fresh.length).toBeGreaterThanOrEqual(11);
  expect(fresh).toEqual(fresh.map((_id, index) => fresh[0]! + index));
  const wrong = await curl(`${url}/events`, "-H", "Last-Event-ID: nonsense");
  expect([wrong.status, JSON.parse(wrong.body.toString())]).toMatchObject([
    400,
    { detail: "A reading's id is a number" },
  ]);
});

test("/large-file has five lines for each row of the table", async () => {
  const { exitCode, body } = await curl(`${url}/large-file`);
  const lines = body.toString().split("\n").slice(0, -1);
  expect([exitCode, lines.length, lines[0], lines.at(-1)]).toEqual([
    0,
    10_000,
    "line 1 of 10000",
    "line 10000 of 10000",
  ]);
});

test("/video is an MP4 that can be asked for in parts", async () => {
  const head = await curl(`${url}/video`, "-r", "0-99", "-i");
  expect(head.status).toBe(206);
  expect(head.body.toString("latin1")).toMatch(
    /content-range: bytes 0-99\/\d+\r\n[\s\S]*content-type: video\/mp4\r\n[\s\S]*ftyp[\s\S]*moov/iu,
  );
  expect((await curl(`${url}/video`, "-r", "999999999-")).status).toBe(416);
});

test("/export is the whole table as CSV", async () => {
  const { exitCode, body } = await curl(`${url}/export`);
  const lines = body.toString().split("\r\n");
  expect([exitCode, lines.length, lines[0]]).toEqual([0, 2002, '"id","name","amount","created_at","note"']);
  expect(lines[2]).toMatch(/^2,"José ""Pepe"" García",158\.38,"2025-01-01T00:01:02Z",$/u);
  expect(lines[5]).toMatch(/^5,.*,"Order 5, paid"$/u);
  expect(lines[2001]).toBe("");
});

test("/healthz is well, and nothing else is there", async () => {
  expect((await curl(`${url}/healthz`)).body.toString()).toBe("ok\n");
  const { status, body } = await curl(`${url}/nothing`);
  expect([status, JSON.parse(body.toString())]).toMatchObject([
    404,
    { detail: "There is nothing at /nothing; / lists what there is" },
  ]);
});

test("HEAD runs nothing, and each answer has its line in the log", async () => {
  for (const path of ["/stream", "/sse", "/large-file", "/video", "/events", "/export", "/download"]) {
    const { status } = await curl(`${url}${path}?head`, "-I");
    expect([path, status]).toEqual([path, 200]);
    expect(await sluice.answered(`${path}?head`)).toMatchObject({ level: 30, method: "HEAD", status: 200, bytes: 0 });
  }
  await curl(`${url}/large-file?log`);
  const bytes = readFileSync(join(data, "demo/lines.txt")).length;
  expect(await sluice.answered("/large-file?log")).toMatchObject({
    method: "GET",
    status: 200,
    outcome: "completed",
    bytes,
  });
  await curl(`${url}/sse?log`, "--max-time", "0.5");
  expect(await sluice.answered("/sse?log")).toMatchObject({ status: 200, outcome: "aborted" });
});
