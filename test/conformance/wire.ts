import type { FetchHandler, SendResult } from "sluice/node";
import { expect, it } from "vitest";
import { type CurlResult, curl } from "../helpers/curl.ts";
import { RawClient } from "../helpers/raw-client.ts";
import { watchReports } from "../helpers/reports.ts";
import type { TestServer } from "../helpers/servers.ts";
import { type WireAnswer, type WireProtocol, type WireRequest, send } from "../helpers/wire-client.ts";

/** What a server is started with, where it is one that sends by our rules. */
export interface WireOptions {
  compress?: boolean;
  onResult?: (result: SendResult) => void;
}

/** A server that sends a handler's responses, and what it is expected to do. */
export interface WireTarget {
  readonly name: string;
  readonly protocol: WireProtocol;
  /** Our sender writes to the connection; else the server reads the response's body as a web stream. */
  readonly sender: "sluice" | "foreign";
  /** The handler is called by us: what it throws or returns is ours to answer. */
  readonly listener: boolean;
  /** Something between compresses where the client takes it, whatever the response says. */
  readonly compressesItself?: boolean;
  start(handler: FetchHandler, options?: WireOptions): Promise<TestServer>;
  /**
   * Rows where this server does something else than it should, and what. They are facts, so that the documentation of
   * foreign servers stays true: a server that learns better fails its row.
   */
  readonly known?: Readonly<Partial<Record<string, string>>>;
}

/** One target under test: starts a server for each test, and talks to it in the target's protocol. */
export class Wire {
  readonly target: WireTarget;
  readonly reports = watchReports();

  constructor(target: WireTarget) {
    this.target = target;
  }

  start(handler: FetchHandler, options: WireOptions = {}): Promise<TestServer> {
    return this.target.start(handler, options);
  }

  get(server: TestServer, options: WireRequest = {}): Promise<WireAnswer> {
    return send(this.target.protocol, server.port, "/", options);
  }

  curl(server: TestServer, ...options: string[]): Promise<CurlResult> {
    const { protocol } = this.target;
    const version = protocol === "h2" ? "--http2" : "--http1.1";
    return curl(`${server.url}/`, ...(protocol === "http/1.1" ? [] : ["-k"]), version, ...options);
  }

  /**
   * `curl -0`: HTTP/1.0, where only the end of the connection ends a body. Under TLS it would ask for a protocol named
   * `http/1.0` (ALPN), which Node's servers refuse.
   */
  curl10(server: TestServer, ...options: string[]): Promise<CurlResult> {
    return curl(`${server.url}/`, "-k", "-0", "--no-alpn", ...options);
  }

  raw(server: TestServer): Promise<RawClient> {
    return RawClient.connect(server.port, { tls: this.target.protocol !== "http/1.1" });
  }

  /** A row: what is seen is what should be, or what this server is known to do instead. */
  row(name: string, expected: string, observe: () => Promise<string>): void {
    const known = this.target.known?.[name];
    const title = known === undefined ? `${name}: ${expected}` : `${name}: known limitation: ${known}`;
    it(title, async () => {
      const seen = await observe();
      if (this.target.sender === "foreign") this.reports.takeAll();
      expect(seen).toBe(known ?? expected);
    });
  }
}
