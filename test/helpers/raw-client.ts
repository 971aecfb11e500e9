import { type Socket, connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Answer, parseAnswers } from "./http1-answers.ts";
import { DEADLINE_MS, until, within } from "./deadline.ts";

/** How the server ended a connection: `end` is a FIN (under TLS: with its close_notify), `reset` anything else. */
export type ConnectionEnd = "end" | "reset";

/** A connection where every byte is written and seen by hand. Reads as it comes, unless paused. */
export class RawClient {
  readonly socket: Socket;
  readonly ended: Promise<ConnectionEnd>;
  #chunks: Buffer[] = [];
  #byteLength = 0;
  #endedBy: ConnectionEnd | undefined;

  static async connect(port: number, options: { tls?: boolean; host?: string } = {}): Promise<RawClient> {
    const host = options.host ?? "127.0.0.1";
    const socket = options.tls
      ? connectTls({ port, host, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] })
      : connectTcp({ port, host });
    const client = new RawClient(socket);
    const ready = options.tls ? "secureConnect" : "connect";
    await within(
      new Promise<void>((resolve, reject) => {
        socket.once(ready, () => resolve());
        socket.once("error", reject);
      }),
      `connecting to port ${port}`,
    );
    return client;
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#byteLength += chunk.byteLength;
    });
    this.ended = new Promise((resolve) => {
      const end = (by: ConnectionEnd) => (): void => {
        this.#endedBy ??= by;
        resolve(this.#endedBy);
      };
      socket.on("end", end("end"));
      socket.on("error", end("reset"));
      socket.on("close", end("reset"));
    });
  }

  /** `\n` in text stays as it is: write `\r\n`. */
  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** Sends a request with `Host`, and without a body. */
  get(target: string, ...fields: string[]): void {
    this.request("GET", target, ...fields);
  }

  request(method: string, target: string, ...fields: string[]): void {
    this.send(`${[`${method} ${target} HTTP/1.1`, "Host: localhost", ...fields].join("\r\n")}\r\n\r\n`);
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  get bytes(): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  get text(): string {
    return this.bytes.toString("latin1");
  }

  /** What came, as answers; `methods` are those of the requests, in order, where they are not all GET. */
  answers(methods: readonly string[] = []): Answer[] {
    return parseAnswers(this.bytes, { methods, ended: this.#endedBy !== undefined });
  }

  /** Waits until `needle` has come; returns all that has. */
  async readUntil(needle: string, ms: number = DEADLINE_MS): Promise<string> {
    try {
      await until(
        () => this.text.includes(needle) || this.#endedBy !== undefined,
        `${JSON.stringify(needle)} in the answer`,
        ms,
      );
    } catch (cause) {
      throw new Error(`${(cause as Error).message}; what came: ${JSON.stringify(this.text.slice(0, 500))}`, { cause });
    }
    if (!this.text.includes(needle)) {
      throw new Error(
        `The connection ended (${this.#endedBy}) without ${JSON.stringify(needle)}: ${JSON.stringify(this.text.slice(0, 500))}`,
      );
    }
    return this.text;
  }

  /** Waits until `count` answers are complete. */
  async readAnswers(count: number, methods: readonly string[] = []): Promise<Answer[]> {
    await until(
      () => this.answers(methods).filter(({ complete }) => complete).length >= count || this.#endedBy !== undefined,
      `${count} complete answers`,
    );
    return this.answers(methods);
  }

  /** Waits until the server has ended the connection. */
  end(ms: number = DEADLINE_MS): Promise<ConnectionEnd> {
    return within(this.ended, "the end of the connection", ms);
  }

  /** Reads nothing until {@link resume}: the kernel's buffers fill up. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** Leaves without a goodbye. */
  reset(): void {
    this.socket.on("error", () => {});
    this.socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.on("error", () => {});
    this.socket.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}
