/** What every Node peer sends, so that all of them yield the same values in the same way. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

export const port = Number(process.env["PORT"] ?? 0);
export const hostname = "127.0.0.1";

/** One buffer for all chunks of all peers: what is measured is sending, not allocating. */
const CHUNK = Buffer.alloc(64 * 1024, "sluice benchmark ");

export async function* chunks(count: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield CHUNK;
}

export async function* endless(): AsyncGenerator<Uint8Array> {
  while (true) yield CHUNK;
}

export async function* strings(count: number): AsyncGenerator<string> {
  for (let index = 0; index < count; index++) yield `string number ${100_000_000 + index}...\n`;
}

export async function* ticks(): AsyncGenerator<string> {
  while (true) {
    yield "tick\n";
    await wait(1000);
  }
}

export async function* fileLines(path: string): AsyncGenerator<string> {
  const file = await open(path);
  for await (const line of file.readLines()) yield `${line}\n`;
}

/** The file of `count` lines the harness has written. */
export function linesFile(count: number): string {
  return join(process.env["BENCH_DATA"] ?? ".", `lines-${count}.txt`);
}

/** The `count` of a request's URL, which may be a path alone. */
export function countOf(url: string | undefined): number {
  return Number(new URL(url ?? "/", "http://localhost").searchParams.get("count") ?? 0);
}
