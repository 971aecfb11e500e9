import pg from "pg";
import type { PgClient } from "./protocol.ts";

/** How long the connection for a cancel request may take, in ms. */
const CONNECT_MS = 1_000;

interface CancelConfig {
  readonly ssl: unknown;
  readonly sslNegotiation: string | undefined;
}

interface CancelConnection extends NodeJS.EventEmitter {
  readonly stream: { destroy(): void };
  connect(port: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
}

/**
 * Asks the backend to stop what it runs (manual, §55.2.8), by a connection of its own, as `client` has it. Resolves when the
 * server has closed that: the backend has been signalled then, so that the signal does not meet the next statement.
 */
export function requestCancel(client: PgClient): Promise<void> {
  const { host, port, ssl, sslNegotiation, processID, secretKey } = client;
  return new Promise((resolve) => {
    const { Connection } = pg as unknown as { Connection: new (config: CancelConfig) => CancelConnection };
    const connection = new Connection({ ssl, sslNegotiation });
    const timer = setTimeout(() => connection.stream.destroy(), CONNECT_MS);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const send = (): void => connection.cancel(processID, secretKey);
    connection.on("connect", () => {
      if (!ssl) send();
      else if (sslNegotiation !== "direct") connection.requestSsl();
    });
    connection.on("sslconnect", send);
    // It can't be reached, or closes by a reset: its socket is destroyed all the same.
    connection.on("error", () => connection.stream.destroy());
    connection.on("end", end);
    if (host.startsWith("/")) connection.connect(`${host}/.s.PGSQL.${port}`);
    else connection.connect(port, host);
  });
}
