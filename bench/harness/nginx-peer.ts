import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { FoundPeer, MissingPeer } from "./peer.ts";

const run = promisify(execFile);

const OPEN_FILES = 16_384;

/** nginx, where named with a dynamic module, run from a folder of its own so that no privilege is needed. */
export async function findNginx(name: string, template: string, moduleName?: string): Promise<FoundPeer | MissingPeer> {
  const path = `${process.env["PATH"]}:/usr/sbin:/usr/local/sbin`;
  const built = await run("nginx", ["-V"], { env: { ...process.env, PATH: path } }).catch(() => undefined);
  if (built === undefined) return { name, missing: "no nginx" };
  const version = /nginx\/(\S+)/.exec(built.stderr)?.[1];
  const modules = /--modules-path=(\S+)/.exec(built.stderr)?.[1] ?? "/usr/lib/nginx/modules";
  const moduleFile = `ngx_${moduleName}_module.so`;
  if (moduleName !== undefined && !existsSync(join(modules, moduleFile))) {
    return { name, missing: `no ${moduleFile} in ${modules}` };
  }
  return {
    name,
    versions: `nginx ${version}${moduleName === undefined ? "" : ` with ${moduleName}`}`,
    collectsGarbage: false,
    prepare: async (port, folder) => {
      const prefix = await mkdtemp(join(folder, "nginx-"));
      const values: Record<string, string> = {
        modules,
        data: folder,
        port: String(port),
        files: String(OPEN_FILES),
        // Started by root, workers would become "nobody", who may not write into the folder.
        user: process.getuid?.() === 0 ? "user root;" : "",
      };
      const config = (await readFile(template, "utf8")).replace(
        /\{\{(\w+)\}\}/g,
        (_, key: string) => values[key] ?? "",
      );
      await writeFile(join(prefix, "nginx.conf"), config);
      const command = ["nginx", "-p", `${prefix}/`, "-c", "nginx.conf", "-e", "stderr"];
      return { command, environment: { PATH: path } };
    },
  };
}
