import { expect, test } from "vitest";
import { HttpError } from "../../src/errors.ts";
import { serve } from "../../src/node/index.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { until, within } from "../helpers/deadline.ts";

test("a handler that cancels the body of its request is heard, though the client is still sending", async () => {
  await using server = await serve(
    async ({ body }) => {
      const reader = (body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      await reader.cancel();
      throw new HttpError(413, undefined, { headers: { Connection: "close" } });
    },
    { port: 0 },
  );
  const client = await RawClient.connect(server.port);
  client.request("POST", "/", "Transfer-Encoding: chunked");
  client.send("5\r\nhello\r\n");
  await until(() => client.text.includes("\r\n\r\n"), "the answer");
  expect(client.text).toMatch(/^HTTP\/1\.1 413 /u);
  expect(await within(client.ended, "the end of the connection")).toBe("end");
  client.socket.destroy();
});
