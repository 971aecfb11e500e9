/** What `/proc` says of a process and all below it. */
import { readFileSync, writeFileSync } from "node:fs";

/** `USER_HZ`, in which /proc/PID/stat counts: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface Usage {
  /** User and system time of all threads, ended children included. */
  cpuSeconds: number;
  rssBytes: number;
  /** Highest RSS since the last {@link resetPeak}. */
  peakBytes: number;
}

function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "latin1");
  } catch {
    return "";
  }
}

/** The process and everything it started, parents first. */
function processTree(pid: number): number[] {
  const children = readProc(`${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
  return [pid, ...children.flatMap(processTree)];
}

function cpuSeconds(pid: number): number {
  // Field 2 is the command in parentheses and may hold spaces; fields 14–17 are utime, stime, cutime, cstime.
  const stat = readProc(`${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}

function statusBytes(pid: number, field: string): number {
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readProc(`${pid}/status`))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}

export function usageOf(pid: number): Usage {
  const usage = { cpuSeconds: 0, rssBytes: 0, peakBytes: 0 };
  for (const member of processTree(pid)) {
    usage.cpuSeconds += cpuSeconds(member);
    usage.rssBytes += statusBytes(member, "VmRSS");
    usage.peakBytes += statusBytes(member, "VmHWM");
  }
  return usage;
}

/** The proportional set size of a process and all below it: what several share counts once. */
export function pssOf(pid: number): number {
  const kibibytes = processTree(pid).map(
    (member) => /^Pss:\s+(\d+) kB/mu.exec(readProc(`${member}/smaps_rollup`))?.[1] ?? 0,
  );
  return kibibytes.reduce<number>((sum, each) => sum + Number(each) * 1024, 0);
}

/** Starts VmHWM over at the current RSS, where the kernel allows it (see proc(5), clear_refs). */
export function resetPeak(pid: number): void {
  for (const member of processTree(pid)) {
    try {
      writeFileSync(`/proc/${member}/clear_refs`, "5");
    } catch {
      // Peaks then count from the start of the process, start-up included.
    }
  }
}
