import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";

type Fields = Readonly<Record<string, string>>;

interface Exchange {
  readonly target: string;
  /** By name in small letters. */
  readonly request: Fields;
  /** 0: there is no answer. */
  readonly status: number;
  readonly answer: Fields;
}

interface Conversation {
  requests: string;
  answers: string;
}

/** Stands between a client and a server, on HTTP/1.1: notes what they say, and cuts. No body may contain `HTTP/1.1 `. */
export class Wiretap implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #conversations: Conversation[] = [];

  static async start(target: string): Promise<Wiretap> {
    const { port, hostname } = new URL(target);
    const tap = new Wiretap(Number(port), hostname);
    await new Promise<void>((resolve) => tap.#server.listen(0, "127.0.0.1", resolve));
    return tap;
  }

  private constructor(port: number, host: string) {
    this.#server = createServer((client) => {
      const server = connect(port, host);
      const conversation: Conversation = { requests: "", answers: "" };
      this.#conversations.push(conversation);
      client.on("data", (chunk: Buffer) => (conversation.requests += chunk.toString("latin1")));
      server.on("data", (chunk: Buffer) => (conversation.answers += chunk.toString("latin1")));
      client.pipe(server).pipe(client);
      // A reset is passed on as one.
      client.on("error", () => server.resetAndDestroy());
      server.on("error", () => client.resetAndDestroy());
      this.#sockets.add(client);
      client.on("close", () => {
        this.#sockets.delete(client);
        server.destroy();
      });
    });
  }

  /** Without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** In the order of the connections. */
  get exchanges(): Exchange[] {
    return this.#conversations.flatMap(({ requests, answers }) => {
      const heads = answers.match(/HTTP\/1\.1 \d{3} [\s\S]*?\r\n\r\n/gu) ?? [];
      return requests
        .split("\r\n\r\n")
        .slice(0, -1)
        .map((head, index) => ({
          target: head.split(" ", 2)[1]!,
          request: fieldsOf(head),
          status: Number(heads[index]?.split(" ", 2)[1] ?? 0),
          answer: fieldsOf(heads[index] ?? ""),
        }));
    });
  }

  forget(): void {
    this.#conversations = [];
  }

  /** Cuts every connection of a client: as who has been killed does (`reset`), or as who has no more to say (`end`). */
  cut(how: "reset" | "end"): void {
    for (const socket of this.#sockets) {
      if (how === "reset") socket.resetAndDestroy();
      else socket.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function fieldsOf(head: string): Fields {
  const lines = head.trim().split("\r\n").slice(1);
  return Object.fromEntries(lines.map((line) => [line.split(":", 1)[0]!.toLowerCase(), line.replace(/^.*?: */u, "")]));
}
