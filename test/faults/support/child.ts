import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { within } from "./deadline.ts";

/** A server in a process of its own, so that its memory, its descriptors and its event loop are its own. */
export interface Child extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly process: ChildProcess;
  /** What it wrote to stderr: warnings. */
  readonly stderr: string;
  /** Runs one of its commands, and resolves with the answer. */
  ask<T>(command: string, argument?: unknown): Promise<T>;
  /** Its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
}

export interface ChildOptions {
  /** Handed to the server as JSON in its first argument. */
  argument?: unknown;
  execArgv?: string[];
  env?: Record<string, string>;
}

type Reply = { ready: { port: number } } | { id: number; value?: unknown; error?: string };

/**
 * Makes RSS tell what a process holds: by itself the C library keeps much of what was freed. (What V8 keeps is given back
 * by the collection that a server's `memory` command makes.)
 */
export const MEASURED_MEMORY: Required<Pick<ChildOptions, "env">> = {
  env: { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: "32768", MALLOC_TRIM_THRESHOLD_: "131072" },
};

/** Starts `file`, a module that calls `runServer`, and waits until it listens. */
export async function startChild(file: URL, options: ChildOptions = {}): Promise<Child> {
  const child = fork(file, [JSON.stringify(options.argument ?? null)], {
    execArgv: ["--expose-gc", ...(options.execArgv ?? [])],
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "inherit", "pipe", "ipc"],
  });
  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exited = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | string);
  const asked = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let lastId = 0;
  const { port } = await within(
    new Promise<{ port: number }>((resolve, reject) => {
      void exited.then((status) => reject(new Error(`${file.pathname} ended with ${status}: ${stderr}`)));
      child.on("message", (reply: Reply) => {
        if ("ready" in reply) return resolve(reply.ready);
        const waiting = asked.get(reply.id);
        asked.delete(reply.id);
        if (reply.error === undefined) waiting?.resolve(reply.value);
        else waiting?.reject(new Error(reply.error));
      });
    }),
    `${file.pathname} listens`,
    15_000,
  );
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    process: child,
    get stderr() {
      return stderr;
    },
    exited,
    ask<T>(command: string, argument?: unknown): Promise<T> {
      const id = ++lastId;
      const answer = new Promise((resolve, reject) => asked.set(id, { resolve, reject }));
      child.send({ id, command, argument });
      return within(answer as Promise<T>, `the server answers "${command}"`, 30_000);
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await exited;
    },
  };
}
