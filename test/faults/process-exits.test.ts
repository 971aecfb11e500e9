import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { within } from "./support/deadline.ts";

const file = fileURLToPath(new URL("./servers/exiting.ts", import.meta.url));
const scenarios = JSON.parse(execFileSync(process.execPath, [file, "list"], { encoding: "utf8" })) as string[];

describe("a process ends by itself after", () => {
  it.each(scenarios)("%s", async (scenario) => {
    const child = spawn(process.execPath, [file, scenario], { stdio: ["ignore", "pipe", "pipe"] });
    try {
      let stderr = "";
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      const exited = once(child, "exit");
      const [said] = (await within(once(child.stdout, "data"), "what the scenario does")) as [Buffer];
      expect(said.toString().trim(), stderr).toBe("done");
      const doneAt = performance.now();
      const [code] = (await within(exited, "the end of the process", 3000)) as [number | null];
      expect(code, stderr).toBe(0);
      expect(performance.now() - doneAt, "ms from its last act").toBeLessThan(1000);
      expect(stderr).toBe("");
    } finally {
      child.kill("SIGKILL");
    }
  });
});
