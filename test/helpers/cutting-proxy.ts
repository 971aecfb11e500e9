import { type AddressInfo, type Socket, connect, createServer } from "node:net";

export interface Cutter extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  readonly cuts: number;
}

/**
 * A proxy that cuts each connection.
 *
 * @param cutAfterBytes - asked at the beginning of each: it is cut when so many bytes of answers have come through it
 */
export async function startCutter(target: string, cutAfterBytes: () => number): Promise<Cutter> {
  const { port } = new URL(target);
  let cuts = 0;
  const open = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(Number(port), "127.0.0.1");
    let leftBytes = cutAfterBytes();
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("close", () => open.delete(socket));
    }
    client.on("error", () => {});
    client.on("close", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    upstream.on("close", () => client.end());
    client.pipe(upstream);
    upstream.on("data", (chunk: Buffer) => {
      const part = chunk.subarray(0, leftBytes);
      leftBytes -= part.byteLength;
      if (!client.write(part)) upstream.pause();
      if (leftBytes > 0) return;
      cuts++;
      // What came before the cut arrives, to the byte.
      upstream.destroy();
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
