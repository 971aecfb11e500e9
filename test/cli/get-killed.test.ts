import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { GetProcess } from "../client/run-get.ts";
import { until } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const SERVER = fileURLToPath(new URL("../client/children/file-server.ts", import.meta.url));
const LENGTH = 64 * 1024 * 1024;
const KILLS = 6;

const folder = temporaryFolder();

/** A server that can be killed, and comes back at the same place. */
class Server implements AsyncDisposable {
  readonly #path: string;
  #child: ChildProcess | undefined;
  #port = "0";
  output = "";

  constructor(path: string) {
    this.#path = path;
  }

  async start(): Promise<string> {
    const seen = this.output.length;
    this.#child = spawn(process.execPath, [SERVER, this.#path, this.#port], { stdio: ["ignore", "pipe", "inherit"] });
    this.#child.stdout!.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    const address = /^http:\S+:(\d+)$/mu;
    await until(() => address.test(this.output.slice(seen)), "the server", 15_000);
    const [url, port] = address.exec(this.output.slice(seen))!;
    this.#port = port!;
    return url;
  }

  async kill(): Promise<void> {
    this.#child!.kill("SIGKILL");
    await once(this.#child!, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child?.exitCode === null && this.#child.signalCode === null) await this.kill();
  }
}

test("killed on either side at any byte, the same command ends with the right bytes", { timeout: 60_000 }, async () => {
  const content = randomBytes(LENGTH);
  const hex = createHash("sha256").update(content).digest("hex");
  await using server = new Server(folder.write("content", content));
  const url = await server.start();
  // While it has just changed, its tag is weak.
  const head = async (): Promise<string> => (await fetch(url, { method: "HEAD" })).headers.get("etag") ?? "";
  const deadline = Date.now() + 8000;
  while ((await head()).startsWith("W/")) expect(Date.now()).toBeLessThan(deadline);

  const part = join(folder.path, "got.part");
  const size = (): number => statSync(part, { throwIfNoEntry: false })?.size ?? 0;
  const start = (): GetProcess =>
    new GetProcess(folder.path, url, "-o", "got", "--sha256", hex, "--retries", "200", "--max-retry-delay", "0.1");
  let client = start();
  let killedInside = 0;
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      // Anywhere in the next part of what is left, so that something is left for every kill.
      const target = size() + (Math.random() * (LENGTH - size())) / (KILLS - kill + 1);
      await until(() => size() > target || client.hasEnded, `${target} bytes (${client.stderr})`, 15_000);
      if (client.hasEnded) break;
      if (kill % 2 === 0) {
        client.child.kill("SIGKILL");
        if ((await client.end()) === "SIGKILL") killedInside++;
        client = start();
      } else {
        await server.kill();
        await server.start();
      }
    }
    expect(await client.end(20_000)).toBe(0);
  } finally {
    await client[Symbol.asyncDispose]();
  }
  expect(
    createHash("sha256")
      .update(readFileSync(join(folder.path, "got")))
      .digest("hex"),
  ).toBe(hex);
  expect(readdirSync(folder.path).toSorted()).toEqual(["content", "got"]);
  expect(killedInside).toBeGreaterThan(0);
  // It went on, and did not merely begin again.
  const begins = [...server.output.matchAll(/^bytes=(\d+)-$/gmu)].map(([, from]) => Number(from));
  expect(begins.length).toBeGreaterThan(0);
  expect(begins).toEqual(begins.toSorted((a, b) => a - b));
});
