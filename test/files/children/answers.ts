/** Prints how paths are answered, as JSON: `node answers.ts PATH…`; with `--exhaust`, when no descriptor is left. */
import { closeSync, openSync } from "node:fs";
import { fileResponse } from "../../../src/files/file-response.ts";

const paths = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const ask = async (): Promise<unknown[]> => {
  const answers = [];
  for (const path of paths) {
    const response = await fileResponse(new Request("http://x/"), path);
    answers.push([
      response.status,
      response.headers.get("Retry-After"),
      response.status === 200 ? "" : await response.json(),
    ]);
    if (response.status === 200) await response.body!.cancel();
  }
  return answers;
};
// Everything is loaded, and the event loop has what it needs.
let answers = await ask();
if (process.argv.includes("--exhaust")) {
  const held: number[] = [];
  try {
    for (;;) held.push(openSync("/dev/null", "r"));
  } catch {
    answers = await ask();
  }
  for (const fd of held) closeSync(fd);
}
console.log(JSON.stringify(answers));
