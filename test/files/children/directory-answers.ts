/**
 * Prints how a folder answers, as JSON: `node directory-answers.ts ROOT OPTIONS TARGET…`; with `--exhaust` behind, when no
 * descriptor is left, and once more when there are some again.
 */
import { closeSync, openSync, readdirSync } from "node:fs";
import { directory } from "../../../src/files/directory.ts";
import { settled } from "../../helpers/deadline.ts";

const [root, options, ...rest] = process.argv.slice(2) as [string, string, ...string[]];
const targets = rest.filter((each) => !each.startsWith("--"));
const handler = directory(root, JSON.parse(options) as object);
const countOpen = (): number => readdirSync("/proc/self/fd").length;

async function ask(): Promise<unknown[]> {
  const answers = [];
  for (const target of targets) {
    const headers = { "Accept-Encoding": "gzip" };
    const response = await handler(new Request(`http://host${target}`, { headers }));
    const body = await response
      .text()
      .catch((error: unknown) => `broken: ${String((error as { code?: string }).code)}`);
    const { status } = response;
    answers.push([target, status, response.headers.get("Retry-After"), status < 400 ? body : JSON.parse(body)]);
  }
  return answers;
}

/** Longer than a small file that was read is kept, in ms. */
const FORGOTTEN_MS = 1_200;
// Everything is loaded, the event loop has what it needs; what was read is closed, and forgotten.
let answers = await ask();
let again: unknown[] = [];
const before = await settled(countOpen, "the number of open files", FORGOTTEN_MS);
if (rest.includes("--exhaust")) {
  const held: number[] = [];
  try {
    for (;;) held.push(openSync("/dev/null", "r"));
  } catch {
    answers = await ask();
  }
  for (const fd of held) closeSync(fd);
  again = await ask();
}
console.log(
  JSON.stringify({ answers, again, leaked: (await settled(countOpen, "the number of open files")) - before }),
);
