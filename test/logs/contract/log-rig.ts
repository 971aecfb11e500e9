import { afterAll, beforeAll, expect } from "vitest";
import type {
  AppendRequest,
  CreateRequest,
  EventLog,
  Page,
  Position,
  StreamInfo,
} from "../../../src/logs/event-log.ts";

export interface LogOptions {
  /** In ms since 1970. */
  readonly now: () => number;
  readonly producerTtlMs?: number;
}

/** A log that a suite may do anything to. */
export interface OpenedLog {
  readonly log: EventLog;
  /** Closes it, and opens what was kept; undefined for a log that keeps nothing. */
  readonly reopen?: (() => Promise<EventLog>) | undefined;
}

/** How a driver makes an empty log of its own. What it leaves is its own to remove. */
export type OpenLog = (options: LogOptions) => Promise<OpenedLog>;

/** 2026-01-01, as all of them begin. */
export const START_MS: number = Date.UTC(2026, 0, 1);
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A log and its clock, which goes only when it is told to. */
export class LogRig {
  nowMs: number = START_MS;
  log!: EventLog;
  #reopen: OpenedLog["reopen"];
  #names = 0;

  static async open(open: OpenLog, options: Omit<LogOptions, "now"> = {}): Promise<LogRig & AsyncDisposable> {
    const rig = new LogRig();
    const { log, reopen } = await open({ ...options, now: () => rig.nowMs });
    rig.log = log;
    rig.#reopen = reopen;
    return Object.assign(rig, { [Symbol.asyncDispose]: () => rig.log.close() });
  }

  get isKept(): boolean {
    return this.#reopen !== undefined;
  }

  async reopen(): Promise<void> {
    this.log = await this.#reopen!();
  }

  /** A name that no other test has. */
  name(about = "stream"): string {
    return `${about} ${++this.#names}`;
  }

  /** Makes a stream, which must be new. */
  async make(texts: readonly string[] = [], request: Partial<CreateRequest> = {}): Promise<string> {
    const name = this.name();
    await this.create(name, texts, request);
    return name;
  }

  async create(name: string, texts: readonly string[] = [], request: Partial<CreateRequest> = {}): Promise<StreamInfo> {
    const result = await this.log.create(name, toCreate({ messages: texts.map(toBytes), ...request }));
    if (result.status !== "created") throw new Error(`${name} was not created: ${result.status}`);
    return result.info;
  }

  /** Appends what must be taken. */
  async append(name: string, texts: readonly string[], request: Partial<AppendRequest> = {}): Promise<StreamInfo> {
    const result = await this.log.append(name, { messages: texts.map(toBytes), ...request });
    if (result.status !== "appended") throw new Error(`${name} was not appended to: ${result.status}`);
    return result.info;
  }

  async fork(from: string, fork: { at?: Position; bytes?: number; messages?: number } = {}): Promise<string> {
    return this.make([], { config: {}, fork: { from, ...fork } });
  }

  /** @throws where there is no page */
  async page(name: string, after: Position = 0, maxBytes = 1e6, maxMessages?: number): Promise<Page> {
    const limits = maxMessages === undefined ? { maxBytes } : { maxBytes, maxMessages };
    const result = await this.log.read(name, after, limits);
    if (result.status !== "page") throw new Error(`${name} gave no page: ${result.status}`);
    return result.page;
  }

  async texts(name: string, after: Position = 0): Promise<string[]> {
    return (await this.page(name, after)).messages.map(toText);
  }

  async info(name: string): Promise<StreamInfo> {
    const result = await this.log.info(name);
    if (result.status !== "there") throw new Error(`${name} is ${result.status}`);
    return result.info;
  }

  async status(name: string): Promise<string> {
    return (await this.log.info(name)).status;
  }
}

/** Opens one log for all tests of a file or block. */
export function useLog(open: OpenLog, options: Omit<LogOptions, "now"> = {}): { readonly rig: LogRig } {
  let rig: (LogRig & AsyncDisposable) | undefined;
  beforeAll(async () => {
    rig = await LogRig.open(open, options);
  });
  afterAll(() => rig?.[Symbol.asyncDispose]());
  return {
    get rig() {
      return rig!;
    },
  };
}

export function toCreate(request: Partial<CreateRequest> = {}): CreateRequest {
  return { config: { contentType: "text/plain" }, messages: [], closed: false, ...request };
}

export function toBytes(text: string): Uint8Array {
  return encoder.encode(text);
}

export function toText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Expects a call to be refused with a status. */
export async function expectStatus(call: Promise<{ readonly status: string }>, status: string): Promise<void> {
  expect((await call).status).toBe(status);
}
