import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningServer, type SendResult, serve, toNodeListener } from "sluice/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { selfSigned } from "../helpers/certificate.ts";
import { settled } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { startHttp } from "../helpers/servers.ts";
import { Connection, get } from "./support/connection.ts";
import { until } from "./support/deadline.ts";
import {
  BLOCK_BYTES,
  type Body,
  type State,
  STATES,
  eventsBody,
  foreignBody,
  generatorBody,
  isOpen,
  linesBody,
  planFor,
} from "./support/leaving.ts";
import { type Leaver, leaveHttp1, leaveHttp2 } from "./support/leavers.ts";

/** "Closed within one second, whatever state they are in." */
const CLEANED_UP_WITHIN_MS = 1000;

watchReports();

let folder: string;
let file: string;
/** Bytes that a connection takes whose reader takes nothing, and a block more. */
let fillingBytes: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sluice-leaves-"));
  file = join(folder, "lines.txt");
  writeFileSync(file, "a line of a file that is larger than what any connection takes\n".repeat(500_000));
  const body = generatorBody(planFor("mid-write", false, 0), "mid-write");
  await using server = await serve(body.respond, { port: 0 });
  using _reader = await Connection.open(server.port, get("/"), { paused: true });
  fillingBytes = (await settled(() => body.observed.pulls, "pulling")) * BLOCK_BYTES;
});
afterAll(() => rmSync(folder, { recursive: true }));

const kinds: Record<string, (state: State, http2: boolean, endBytes: number) => Body> = {
  "a generator": (state, http2, endBytes) => generatorBody(planFor(state, http2, endBytes), state),
  "an event stream": (state, http2, endBytes) => eventsBody(planFor(state, http2, endBytes), state),
  "a foreign Response": (state, http2, endBytes) => foreignBody(planFor(state, http2, endBytes)),
  "lines()": () => linesBody(file),
};

/** Waits until the response is in `state`, as far as it can be seen. */
async function reach(state: State, { observed }: Body, leaver: Leaver): Promise<void> {
  await until(() => observed.started, "the start of the source");
  if (state === "before the head") expect(leaver.headSeen()).toBe(false);
  if (state === "before the first item" || state === "idle") await until(leaver.headSeen, "the head");
  if (state === "idle") await until(() => leaver.bytesSeen() >= 92, "the first item");
  if (state === "mid-write") await settled(() => observed.pulls, "pulling");
  if (state === "at the end") await until(() => observed.exhausted, "the end of the source");
}

type Arrive = (server: RunningServer) => Promise<Leaver>;

/** Brings a response into `state`, has its reader leave, and looks at what is left of it. */
async function leavesIn(state: State, kind: string, arrive: Arrive, http2: boolean, endBytes = 0): Promise<void> {
  const results: SendResult[] = [];
  const body = kinds[kind]!(state, http2, endBytes);
  const onResult = (result: SendResult): void => void results.push(result);
  await using server = await serve(body.respond, { port: 0, onResult, ...(http2 ? { tls: selfSigned() } : {}) });
  using leaver = await arrive(server);
  if (kind === "lines()") await until(() => isOpen(file), "the opening of the file");
  await reach(state, body, leaver);
  expect(server.active).toBe(1);
  leaver.leave();
  await until(body.observed.cleanedUp, "the cleaning up of the source", CLEANED_UP_WITHIN_MS);
  await until(() => results.length > 0, "the outcome", CLEANED_UP_WITHIN_MS);
  expect(results.map(({ outcome }) => outcome)).toEqual(["aborted"]);
  expect(server.active).toBe(0);
}

function* lengthsAround(bytes: number): Generator<number> {
  for (let length = bytes - 2 * BLOCK_BYTES; length < bytes + BLOCK_BYTES; length += 7000) yield length;
}

/** A length at which the source has ended and the response has not, because the connection is full: found by trying. */
async function findEndBytes(kind: string): Promise<number> {
  for (const endBytes of lengthsAround(fillingBytes)) {
    const body = kinds[kind]!("at the end", false, endBytes);
    await using server = await serve(body.respond, { port: 0 });
    using _reader = await Connection.open(server.port, get("/"), { paused: true });
    await settled(() => body.observed.pulls, "pulling", 60);
    if (body.observed.exhausted && server.active === 1) return endBytes;
  }
  throw new Error(`No length makes ${kind} hang in its end, around ${fillingBytes} bytes`);
}

for (const kind of Object.keys(kinds)) {
  // A file is always at hand: its lines never wait for anything but their reader.
  const states = kind === "lines()" ? (["mid-write"] as const) : STATES;
  describe(`the reader of ${kind} leaves`, () => {
    for (const state of states) {
      const reads = state === "idle" || state === "before the first item";
      it.each(["RST", "FIN"] as const)(`${state}, on HTTP/1.1 by %s`, async (how) => {
        const endBytes = state === "at the end" ? await findEndBytes(kind) : 0;
        await leavesIn(state, kind, (server) => leaveHttp1(server.port, how, reads), false, endBytes);
      });
      it.each(["RST_STREAM", "FIN", "RST"] as const)(`${state}, on HTTP/2 by %s`, async (how) => {
        await leavesIn(state, kind, (server) => leaveHttp2(server, how, reads), true);
      });
    }
  });
}

describe("the reader of a generator leaves behind somebody's own res.write", () => {
  it.each(["mid-write", "at the end"] as const)("%s", async (state) => {
    const results: SendResult[] = [];
    for (const endBytes of lengthsAround(fillingBytes)) {
      const body = generatorBody(planFor(state, false, endBytes), state);
      const listener = toNodeListener(body.respond, { onResult: (result) => void results.push(result) });
      await using server = await startHttp((req, res) => {
        const write = res.write.bind(res) as (...parameters: unknown[]) => boolean;
        res.write = (...parameters: unknown[]) => write(...parameters);
        listener(req, res);
      });
      results.length = 0;
      using reader = await Connection.open(server.port, get("/"), { paused: true });
      await settled(() => body.observed.pulls, "pulling", 60);
      // All of it fitted, or its end did not come: another length.
      if (results.length > 0 || (state === "at the end" && !body.observed.exhausted)) continue;
      reader.reset();
      await until(body.observed.cleanedUp, "the cleaning up of the source", CLEANED_UP_WITHIN_MS);
      await until(() => results.length > 0, "the outcome", CLEANED_UP_WITHIN_MS);
      expect(results.map(({ outcome }) => outcome)).toEqual(["aborted"]);
      return;
    }
    expect.unreachable("no length made the response hang in its end");
  });
});
