import { truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fileResponse } from "sluice";
import { toNodeListener } from "sluice/node";
import { settled, until } from "../helpers/deadline.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { temporaryFolder } from "../files/support.ts";

const TOKEN_BYTES = 4 * 1024;

/** A sleeping reader of a large file: what Node holds for it in the end. */
async function heldFor(prepare: (socket: Socket) => void): Promise<number> {
  const path = join(temporaryFolder(), "large.bin");
  writeFileSync(path, "");
  truncateSync(path, 1024 ** 3);
  const server = createServer(toNodeListener((request) => fileResponse(request, path)));
  let socket: Socket | undefined;
  server.on("connection", (connected) => prepare((socket = connected)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = await RawClient.connect((server.address() as AddressInfo).port);
  try {
    client.get("/");
    await until(() => client.byteLength > 1_000_000, "the first bytes");
    client.pause();
    await until(() => socket!.writableLength > 0, "a write that waits");
    await settled(() => socket!.writableLength, "what Node holds");
    return socket!.writableLength;
  } finally {
    client.destroy();
    server.closeAllConnections();
    server.close();
  }
}

test("of a file's reader who sleeps, Node holds 4 KiB: the descriptor that it keeps in private is still there", async () => {
  expect(await heldFor(() => {})).toBeLessThanOrEqual(TOKEN_BYTES);
});

test("a socket whose write is somebody's own is written to by that", async () => {
  let written = 0;
  const held = await heldFor((socket) => {
    const { write } = socket;
    socket.write = function counted(this: Socket, ...parameters: Parameters<Socket["write"]>) {
      written += Buffer.byteLength(parameters[0]);
      return write.apply(this, parameters);
    } as Socket["write"];
  });
  expect(held).toBeGreaterThan(TOKEN_BYTES);
  expect(written).toBeGreaterThan(1_000_000);
});
