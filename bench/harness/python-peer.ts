import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { FoundPeer, MissingPeer } from "./peer.ts";

const run = promisify(execFile);

const VERSIONS = `
import platform, importlib
parts = ["python " + platform.python_version()]
for name in ["fastapi", "starlette", "uvicorn", "uvloop", "httptools"]:
    parts.append(name + " " + importlib.import_module(name).__version__)
print(", ".join(parts))
`;

/**
 * FastAPI on uvicorn with uvloop and httptools, by the first Python that has all of them: `BENCH_PYTHON`, the PATH's,
 * the system's.
 */
export async function findPython(name: string, folder: string, app: string): Promise<FoundPeer | MissingPeer> {
  let missing = "no python3";
  for (const python of [process.env["BENCH_PYTHON"], "python3", "/usr/bin/python3"]) {
    if (python === undefined) continue;
    try {
      const { stdout } = await run(python, ["-c", VERSIONS]);
      return {
        name,
        versions: stdout.trim(),
        collectsGarbage: true,
        prepare: async (port) => ({ command: [python, ...uvicorn(folder, app, port)] }),
      };
    } catch (error) {
      const { stderr = "" } = error as { stderr?: string };
      const lastLine = stderr.trim().split("\n").at(-1);
      if (lastLine) missing = `${python}: ${lastLine}`;
    }
  }
  return { name, missing };
}

function uvicorn(folder: string, app: string, port: number): string[] {
  const application = ["-m", "uvicorn", "--app-dir", folder, `${app}:app`];
  const speed = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"];
  return [...application, ...speed, "--backlog", "4096", "--host", "127.0.0.1", "--port", String(port)];
}
