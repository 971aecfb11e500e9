/** A process that has a log open, and writes it as it is told, one line of JSON on stdin for each step. */
import { createInterface } from "node:readline";
import { sqliteLog } from "../../../src/logs/sqlite-log.ts";

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const encoder = new TextEncoder();

try {
  const log = await sqliteLog({ path: process.argv[2]! });
  say("open");
  for await (const text of createInterface({ input: process.stdin })) {
    try {
      await log.create("s", { config: { contentType: "text/plain" }, messages: [], closed: false });
      const { status } = await log.append("s", { messages: [encoder.encode(text)] });
      say(status);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      say({ code, message });
    }
  }
  await log.close();
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  say({ code, message });
}
