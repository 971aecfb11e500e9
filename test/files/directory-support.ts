import { mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { until } from "../helpers/deadline.ts";
import type { Answer } from "../helpers/http1-answers.ts";
import { RawClient } from "../helpers/raw-client.ts";

/** When the files of these tests were changed last. */
export const MTIME = new Date("2024-05-06T07:08:09.123Z");
export const LAST_MODIFIED = MTIME.toUTCString();

/** Writes a file into a folder, and the folders between. */
export function writeAt(root: string, name: string, content: string | Uint8Array, mtime: Date = MTIME): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  utimesSync(path, mtime, mtime);
  return path;
}

/** Waits until the last change of a file is old enough for strong tags and for hashes. */
export async function untilSettled(path: string): Promise<void> {
  const { ctimeMs } = statSync(path);
  await until(() => Date.now() - ctimeMs > 2_050, "the last change being 2 s ago");
}

/** Sends one request, written as it is, on a connection of its own. */
export async function ask(
  port: number,
  target: string,
  fields: readonly string[] = [],
  method = "GET",
): Promise<Answer> {
  using client = await RawClient.connect(port);
  client.request(method, target, "Connection: close", ...fields);
  const [answer] = await client.readAnswers(1, [method]);
  if (!answer?.complete) throw new Error(`No answer to ${method} ${target}: ${client.text.slice(0, 300)}`);
  return answer;
}

/** The value of a field that an answer has at most once. */
export function field({ headers }: Answer, name: string): string | undefined {
  const values = headers.get(name.toLowerCase()) ?? [];
  if (values.length > 1) throw new Error(`${name} is there ${values.length} times: ${values.join(" | ")}`);
  return values[0];
}
