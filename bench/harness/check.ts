/** Asks a server once, by another client than the one that measures, and compares what it says. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { RunningServer } from "./server.ts";
import type { Row } from "./types.ts";

const CHECK_MS = 120_000;

/** A 200 response to the row's request, its body not read yet. Destroyed after two minutes. */
async function ask(server: RunningServer, path: string, headers: string[] = []): Promise<IncomingMessage> {
  const fields = Object.fromEntries(headers.map((line) => line.split(/:\s*/, 2)));
  const sent = request(server.url + path, { headers: fields, agent: false }).end();
  const timer = setTimeout(() => sent.destroy(new Error("no whole answer in 2 minutes")), CHECK_MS);
  // Whoever waits for the answer, or reads it, is told; the event would end the process.
  sent.on("error", () => {});
  sent.once("close", () => clearTimeout(timer));
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  if (response.statusCode !== 200) {
    response.destroy();
    throw new Error(`${path} answered ${response.statusCode}`);
  }
  return response;
}

/** The whole body must have this SHA-256. */
export async function checkWhole(server: RunningServer, row: Row, path: string, sha256: string): Promise<void> {
  const hash = createHash("sha256");
  for await (const part of await ask(server, path, row.headers)) hash.update(part as Buffer);
  if (hash.digest("hex") !== sha256) throw new Error(`${path} sent other bytes than it should`);
}

/** The body, maybe endless, must begin with `expected`, after decoding. */
export async function checkStart(
  server: RunningServer,
  row: Row,
  expected: Buffer,
  decode: (body: IncomingMessage) => AsyncIterable<unknown> = (body) => body,
): Promise<void> {
  const response = await ask(server, row.path, row.headers);
  let received = Buffer.alloc(0);
  for await (const part of decode(response)) {
    received = Buffer.concat([received, part as Buffer]);
    if (received.length >= expected.length) break;
  }
  response.destroy();
  if (!received.subarray(0, expected.length).equals(expected)) {
    throw new Error(`${row.path} begins with other bytes than it should`);
  }
}

/** The row must be an event stream; returns what it sent while `meanwhile` ran and shortly after. */
export async function checkEventStream(
  server: RunningServer,
  row: Row,
  meanwhile: () => Promise<void>,
  enough: (received: string) => boolean,
): Promise<void> {
  const response = await ask(server, row.path, row.headers);
  let received = "";
  response.setEncoding("utf8").on("data", (text: string) => (received += text));
  response.on("error", () => {});
  const type = response.headers["content-type"] ?? "";
  try {
    if (!type.startsWith("text/event-stream")) throw new Error(`${row.path} is ${type}`);
    await meanwhile();
    for (let tries = 0; !enough(received); tries++) {
      if (tries === 50 || response.closed)
        throw new Error(`${row.path} sent ${JSON.stringify(received.slice(0, 200))}`);
      await wait(100);
    }
  } finally {
    response.destroy();
  }
}

export async function publish(server: RunningServer, data: string, path = "/publish"): Promise<void> {
  const response = await fetch(server.url + path, {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body: data,
  });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
}
