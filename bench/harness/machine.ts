import { cpus, loadavg, release, totalmem } from "node:os";

/** What a reader of the numbers must know of the machine. */
export function describeMachine(): string {
  const cores = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  const load = loadavg()[0]?.toFixed(2);
  return [
    `${cores.length} cores (${cores[0]?.model.trim() ?? "unknown"}), ${memory} GiB, ${process.platform} ${release()}`,
    `node ${process.versions.node}, V8 ${process.versions.v8}, libuv ${process.versions.uv}`,
    `load before the run: ${load}`,
  ].join("\n");
}
