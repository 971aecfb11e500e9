import { connect } from "node:net";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import type { FoundPeer } from "./peer.ts";
import { freePort, startProcess, stopProcess } from "./processes.ts";
import { pssOf, resetPeak, usageOf, type Usage } from "./proc-stats.ts";

const START_MS = 20_000;
const QUIET_CORES = 0.05;

/** A peer's server in its own process. */
export interface RunningServer {
  readonly port: number;
  readonly url: string;
  usage(): Usage;
  /** Memory of the server and all that it started, what they share counted once. */
  pssBytes(): number;
  /** Lets peak memory count from now. */
  resetPeak(): void;
  /** Collects garbage where the peer can be asked to, so that readings compare what is held. */
  collectGarbage(): Promise<void>;
  /** Waits until the server hardly uses the CPU any more, `limitMs` at most. */
  quiet(limitMs: number): Promise<void>;
  stop(): Promise<void>;
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Starts the peer on a free port and waits until it accepts. `folder` is where its data files are. */
export async function startServer(peer: FoundPeer, folder: string): Promise<RunningServer> {
  const port = await freePort();
  const { command, environment } = await peer.prepare(port, folder);
  const child = startProcess(command, {
    env: { ...process.env, NODE_ENV: "production", PORT: String(port), BENCH_DATA: folder, ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr?.on("data", (text: Buffer) => (complaint = (complaint + text.toString()).slice(-2000)));

  const deadline = Date.now() + START_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stopProcess(child);
      throw new Error(`${peer.name} did not start: ${complaint.trim() || "no answer"}`);
    }
    await wait(20);
  }
  const pid = child.pid ?? 0;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    usage: () => usageOf(pid),
    pssBytes: () => pssOf(pid),
    resetPeak: () => resetPeak(pid),
    collectGarbage: async () => {
      if (peer.collectsGarbage) process.kill(pid, "SIGUSR2");
      await wait(500);
    },
    quiet: async (limitMs) => {
      const until = Date.now() + limitMs;
      for (let before = usageOf(pid).cpuSeconds; Date.now() < until;) {
        await wait(500);
        const now = usageOf(pid).cpuSeconds;
        if ((now - before) / 0.5 <= QUIET_CORES) return;
        before = now;
      }
    },
    stop: () => stopProcess(child),
  };
}
