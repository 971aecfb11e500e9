import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { streamingResponse } from "sluice";
import { serve } from "sluice/node";
import { expect, it } from "vitest";
import { watchReports } from "../helpers/reports.ts";
import { get } from "./support/connection.ts";
import { within } from "./support/deadline.ts";

watchReports();

async function* ticking({ signal }: { signal: AbortSignal }): AsyncGenerator<string> {
  for (let index = 0; index < 5; index++) {
    yield `line ${index}\n`;
    await delay(20, undefined, { signal });
  }
}

/** What a client sees that sends its request and a FIN, and then reads to the end (`nc -N`). */
async function readHalfClosed(port: number, version: string): Promise<{ text: string; ended: "FIN" | "RST" }> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  socket.end(get("/", {}, version));
  const end = new Promise<"FIN" | "RST">((resolve) => {
    socket.once("end", () => resolve("FIN"));
    socket.once("error", () => resolve("RST"));
  });
  const ended = await within(end, "the end of the connection");
  socket.destroy();
  return { text, ended };
}

const isWhole = (text: string): boolean => text.includes("line 4\n");

it("is cut visibly on HTTP/1.1: Node closes the connection of a client that sends a FIN", async () => {
  await using server = await serve(() => streamingResponse(ticking), { port: 0 });
  const { text } = await readHalfClosed(server.port, "1.1");
  expect(isWhole(text) === text.endsWith("\r\n0\r\n\r\n")).toBe(true);
});

// Node answers the FIN with one of its own, which on HTTP/1.0 would be the end of the body.
it("is cut visibly on HTTP/1.0, or served whole", async () => {
  await using server = await serve(() => streamingResponse(ticking), { port: 0 });
  const { text, ended } = await readHalfClosed(server.port, "1.0");
  expect(isWhole(text) || ended === "RST").toBe(true);
});
