import { spawn } from "node:child_process";

export interface CurlResult {
  /** 0: the answer looks complete; 18: a part is missing; 56: the connection was reset; 92: HTTP/2 stream error; 28: hung. */
  readonly exitCode: number;
  readonly status: number;
  /** As curl names it: `1.0`, `1.1`, `2`. */
  readonly httpVersion: string;
  readonly body: Buffer;
  readonly stderr: string;
}

const MARK = "\u0001curl ";
const MAX_SECONDS = 8;

/**
 * Runs the real `curl`, which is what a user's script trusts. One that hangs ends by itself with exit code 28.
 *
 * @param options - e.g. `["-k", "--http2", "-H", "Accept-Encoding: br"]`
 */
export function curl(url: string, ...options: string[]): Promise<CurlResult> {
  const child = spawn(
    "curl",
    [
      "-sS",
      "-N",
      "--noproxy",
      "*",
      "--max-time",
      String(MAX_SECONDS),
      "-w",
      `%{stderr}${MARK}%{http_code} %{http_version}`,
      ...options,
      url,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const body: Buffer[] = [];
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => body.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("latin1")));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => {
      const [complaint = "", said = ""] = stderr.split(MARK);
      const [status = "0", httpVersion = ""] = said.trim().split(" ");
      resolve({
        exitCode: exitCode ?? -1,
        status: Number(status),
        httpVersion,
        body: Buffer.concat(body),
        stderr: complaint,
      });
    });
  });
}
