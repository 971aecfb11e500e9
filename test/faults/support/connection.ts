import { type Socket, connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { until } from "./deadline.ts";

export interface ConnectionOptions {
  /** Whether what arrives is kept; else it is only counted. */
  keep?: boolean;
  /** Takes nothing from the kernel until {@link Connection.resume}. */
  paused?: boolean;
  tls?: boolean;
  /** A Unix socket, instead of the port. */
  path?: string;
}

/** A client that sees the bytes as they are, and leaves as it pleases. */
export class Connection implements Disposable {
  readonly socket: Socket;
  readonly #keep: boolean;
  #chunks: Buffer[] = [];
  #count = 0;
  /** How the connection ended; undefined while it is open. */
  ended: "FIN" | "RST" | "closed" | undefined;

  private constructor(socket: Socket, keep: boolean) {
    this.socket = socket;
    this.#keep = keep;
    socket.on("data", (chunk) => {
      this.#count += chunk.length;
      if (this.#keep) this.#chunks.push(chunk);
    });
    socket.on("end", () => (this.ended ??= "FIN"));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET") this.ended ??= "RST";
    });
    socket.on("close", () => (this.ended ??= "closed"));
  }

  /** Connects, and sends `request` as it is. */
  static open(port: number, request: string, options: ConnectionOptions = {}): Promise<Connection> {
    const { keep = true, paused = false, tls = false, path } = options;
    const where = path === undefined ? { port, host: "127.0.0.1" } : { path };
    const socket = tls
      ? connectTls({ ...where, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] })
      : connect(where);
    const connection = new Connection(socket, keep);
    // A listener for data lets it flow; before the connection stands, nothing has been read yet.
    if (paused) socket.pause();
    return new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.once(tls ? "secureConnect" : "connect", () => {
        socket.removeListener("error", reject);
        socket.write(request, "latin1");
        resolve(connection);
      });
    });
  }

  /** Bytes that arrived, heads and framing included. */
  get count(): number {
    return this.#count;
  }

  get text(): string {
    return this.bytes.toString("utf8");
  }

  get bytes(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** Waits for `text` to arrive. */
  async sees(text: string, ms?: number): Promise<void> {
    await until(() => this.text.includes(text), `the arrival of "${text.slice(0, 60)}"`, ms);
  }

  async receives(bytes: number, ms?: number): Promise<void> {
    await until(() => this.#count >= bytes, `the arrival of ${bytes} bytes`, ms);
  }

  resume(): void {
    this.socket.resume();
  }

  pause(): void {
    this.socket.pause();
  }

  /** Leaves without a word: TCP RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Leaves in good manners: TCP FIN, where all that arrived was read. */
  close(): void {
    this.socket.destroy();
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** A request's head as text. */
export function get(target: string, fields: Record<string, string> = {}, version = "1.1"): string {
  const all = Object.entries({ Host: "localhost", ...fields }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${target} HTTP/${version}\r\n${all.join("")}\r\n`;
}
