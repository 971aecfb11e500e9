/** Every process the harness starts, and the promise that none outlives it. */
import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

const running = new Set<ChildProcess>();

/**
 * Starts a program as the leader of its own process group, with as many open files as the hard limit allows.
 *
 * The shell is replaced by the program, so `pid` is the program's.
 */
export function startProcess(command: string[], options: SpawnOptions): ChildProcess {
  const script = 'ulimit -n "$(ulimit -H -n)"; exec "$@"';
  const child = spawn("/bin/sh", ["-c", script, "sh", ...command], { ...options, detached: true });
  running.add(child);
  child.once("exit", () => running.delete(child));
  child.once("error", () => running.delete(child));
  return child;
}

/** A port of 127.0.0.1 that nothing listened on a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

/** Ends the program and what it started, at once: nothing here has anything to save. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, "exit");
  killGroup(child);
  await exited;
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}

function killAll(): void {
  for (const child of running) killGroup(child);
}

/** Ends everything started here when this process ends, for whatever reason it can notice. */
export function stopProcessesOnExit(): void {
  process.on("exit", killAll);
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
}
