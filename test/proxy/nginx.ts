import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { delimiter, join } from "node:path";
import { until } from "../helpers/deadline.ts";

/** nginx is often outside the path of those who may not start it as a service. */
const FOLDERS = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];

/** Where nginx is; undefined where the machine has none. */
export const nginxPath: string | undefined = FOLDERS.map((folder) => join(folder, "nginx")).find(isExecutable);

export interface Nginx {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * An nginx in front of `upstream`, as a single process in `folder`.
 *
 * @param directives - of the location that passes everything on; its own default is HTTP/1.0 to the server behind
 */
export async function startNginx(folder: string, upstream: string, directives = ""): Promise<Nginx> {
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join(" ");
  const configuration = `
    worker_processes 1; master_process off; daemon off; pid ${join(folder, "pid")}; error_log stderr;
    events { worker_connections 64; }
    http { access_log off; ${temporary}
      server { listen 127.0.0.1:${port}; location / { proxy_pass ${upstream}; ${directives} } } }`;
  const file = join(folder, "nginx.conf");
  writeFileSync(file, configuration);
  const child: ChildProcess = spawn(nginxPath!, ["-p", folder, "-c", file, "-e", "stderr"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaints = "";
  child.stderr!.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let listening = false;
  const knock = (): void => {
    const socket = connect(port, "127.0.0.1", () => {
      listening = true;
      socket.destroy();
    });
    socket.on("error", () => setTimeout(knock, 20));
  };
  knock();
  await until(() => listening || child.exitCode !== null, "nginx listening");
  if (child.exitCode !== null) throw new Error(`nginx did not start: ${complaints}`);
  return {
    url: `http://127.0.0.1:${port}`,
    stop() {
      child.kill("SIGQUIT");
      return ended;
    },
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
