/** Does what the scenario says, prints "done", and leaves the process to end by itself. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { eventStreamResponse, streamingResponse } from "../../../src/index.ts";
import { serve, toNodeListener } from "../../../src/node/index.ts";

const never = new Promise<never>(() => {});
const request = new Request("http://localhost/");

async function* stuck(first?: string): AsyncGenerator<string> {
  if (first !== undefined) yield first;
  await never;
}

function* endless(): Generator<string> {
  for (;;) yield "x".repeat(10_000);
}

const handlers: Record<string, () => Response> = {
  stuck: () => streamingResponse(stuck("first")),
  silent: () => streamingResponse(stuck(), { commitAfterMs: 60_000 }),
  stalled: () => streamingResponse(endless()),
  compressed: () => streamingResponse(endless(), { compress: true, mediaType: "text/plain" }),
  events: () => eventStreamResponse(request, stuck("first"), { keepAliveMs: 10_000 }),
  "silent events": () => eventStreamResponse(request, stuck(), { commitAfterMs: 60_000 }),
  foreign: () => new Response(new ReadableStream({ pull: () => never })),
};

/** A reader that asks, and takes nothing. */
async function ask(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.pause().on("error", () => {});
  // Only the server's side is looked at here.
  socket.unref();
  await once(socket, "connect");
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n");
}

/** A request that has been answered to the end, on a connection that is kept. */
async function finish(url: string): Promise<void> {
  await (await fetch(url)).arrayBuffer();
}

const scenarios: Record<string, () => Promise<void>> = {
  ...Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [
      `${name}, and the server is destroyed`,
      async () => {
        const server = await serve(handler, { port: 0 });
        await ask(server.port);
        while (server.active === 0) await new Promise(setImmediate);
        await server.destroy();
      },
    ]),
  ),
  "a server that has answered, and is closed": async () => {
    const server = await serve(() => streamingResponse(["whole"]), { port: 0 });
    await finish(server.url);
    await server.close();
  },
  "a server of Node's own": async () => {
    const server = createServer(toNodeListener(handlers["events"]!)).listen(0, "127.0.0.1");
    await once(server, "listening");
    await ask((server.address() as AddressInfo).port);
    await once(server, "request");
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  },
  "Responses that were dropped": () => {
    for (const make of Object.values(handlers)) make();
    return Promise.resolve();
  },
  "Responses that are read without a server": async () => {
    for (const name of ["stuck", "events"]) {
      const { value } = await handlers[name]!().body!.getReader().read();
      if (!value) throw new Error(`${name} gave nothing`);
    }
    void handlers["silent events"]!().body!.getReader().read();
    void handlers["stuck"]!().body!.pipeTo(new WritableStream());
  },
};

const name = process.argv[2]!;
if (name === "list") console.log(JSON.stringify(Object.keys(scenarios)));
else {
  await scenarios[name]!();
  console.log("done");
}
