import { SluiceError, createStreams } from "sluice";
import { memoryLog } from "sluice/logs/memory";
import { expect, test } from "vitest";
import { watchReports } from "../helpers/reports.ts";

const reports = watchReports();

test("a log without room is said so, and told of; what was there before is there", async () => {
  const log = memoryLog();
  const streams = createStreams({ log });
  const { append } = log;
  await streams.append("a", ["before"]);
  log.append = () => {
    const cause = Object.assign(new Error("database or disk is full"), { code: "ENOSPC" });
    return Promise.reject(new SluiceError("ERR_LOG", "The log has no more room on its disk", { cause }));
  };
  const url = "http://host/v1/stream/a";
  const post = (): Promise<Response> =>
    streams.fetch(new Request(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: "1" }));
  expect((await post()).status).toBe(507);
  expect(reports.take("HANDLER_FAILED")).toMatchObject([{ error: { code: "ERR_LOG" } }]);
  log.append = append;
  expect((await post()).status).toBe(204);
  expect(await (await streams.fetch(new Request(url))).json()).toEqual(["before", 1]);
  await streams.close();
});

test("an append that was made is not refused because what is older cannot be trimmed", async () => {
  const log = memoryLog();
  const streams = createStreams({ log, retention: { maxMessages: 1 } });
  await streams.append("a", ["before"]);
  const { trim } = log;
  log.trim = () => Promise.reject(new SluiceError("ERR_LOG", "The log has no more room on its disk"));
  const url = "http://host/v1/stream/a";
  const headers = { "Content-Type": "application/json" };
  expect((await streams.fetch(new Request(url, { method: "POST", headers, body: "1" }))).status).toBe(204);
  await streams.append("a", [2]);
  expect(reports.take("HANDLER_FAILED")).toHaveLength(2);
  expect(await (await streams.fetch(new Request(url))).json()).toEqual(["before", 1, 2]);
  log.trim = trim;
  await streams.append("a", [3]);
  expect(await (await streams.fetch(new Request(url))).json()).toEqual([3]);
  await streams.close();
});
