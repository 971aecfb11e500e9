/** A process that reads one DuckDB database: `node reader.ts SETTINGS PATH`. See `readers/messages.ts` for what it is told. */
import { loadFailure } from "../../parquet/load-failure.ts";
import { answer, receive } from "../../readers/connection.ts";
import type { DatabaseSettings } from "./settings.ts";

const [settings, path] = process.argv.slice(2) as [settings: string, path: string];
// DuckDB makes the folder of what has no room in memory.
process.umask(0o077);
try {
  const { serve } = await import("./serve.ts");
  await serve(path, JSON.parse(settings) as DatabaseSettings);
} catch (error) {
  const failure = loadFailure(error);
  while (receive() !== undefined) answer(failure);
}
