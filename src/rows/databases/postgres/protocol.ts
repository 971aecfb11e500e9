/** What is used of `pg`'s clients and connections, and of PostgreSQL's protocol (its manual, chapter 55). */
import type { Socket } from "node:net";
import type pg from "pg";

/** A connection of `pg`'s: it writes messages, and parses what its stream gives. */
export interface PgConnection {
  readonly stream: Socket;
  parse(query: { name: string; text: string; types: number[] }): void;
  bind(config: { portal: string; statement: string; values: (string | null)[]; binary: boolean }): void;
  describe(message: { type: "S" | "P"; name: string }): void;
  execute(config: { portal: string; rows: number }): void;
  flush(): void;
  sync(): void;
}

/** A client of `pg`'s, with what it keeps of its connection. */
export type PgClient = pg.PoolClient & {
  readonly host: string;
  readonly port: number;
  readonly ssl: unknown;
  readonly sslNegotiation: string | undefined;
  readonly processID: number;
  readonly secretKey: number;
  readonly connection: { readonly stream: { destroy(): void } };
};

/** What `client.query` takes: it is given the connection until the backend is ready for the next. */
export interface Submittable {
  submit(connection: PgConnection): void;
  /** The connection has broken. */
  handleError(error: Error): void;
  handleReadyForQuery(): void;
}

/** Backend messages, by their first byte. */
export const MESSAGE = {
  commandComplete: 0x43,
  copyData: 0x64,
  copyOutResponse: 0x48,
  dataRow: 0x44,
  errorResponse: 0x45,
  noData: 0x6e,
  noticeResponse: 0x4e,
  notificationResponse: 0x41,
  parameterStatus: 0x53,
  portalSuspended: 0x73,
  readyForQuery: 0x5a,
  rowDescription: 0x54,
} as const;

/** A message's type and length, in bytes. */
export const MESSAGE_HEAD_BYTES = 5;

/** Messages that may come at any time, whatever is asked. They are `pg`'s to read. */
export const ASYNCHRONOUS: ReadonlySet<number> = new Set([
  MESSAGE.noticeResponse,
  MESSAGE.notificationResponse,
  MESSAGE.parameterStatus,
]);

/** An ErrorResponse: its fields by their letter (manual, §55.8). */
export interface ServerError {
  readonly sqlState: string;
  readonly message: string;
  /** In the statement, in characters from 1. */
  readonly position: number | undefined;
}

/** @param body - without type and length; not kept */
export function parseErrorResponse(body: Buffer): ServerError {
  const fields = new Map<string, string>();
  for (let at = 0; at < body.length && body[at] !== 0;) {
    const end = body.indexOf(0, at + 1);
    fields.set(String.fromCharCode(body[at]!), body.toString("utf8", at + 1, end));
    at = end + 1;
  }
  const position = Number(fields.get("P"));
  return {
    sqlState: fields.get("C") ?? "",
    message: fields.get("M") ?? "",
    position: Number.isInteger(position) && position > 0 ? position : undefined,
  };
}

export interface FieldDescription {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
}

/** @param body - without type and length; not kept */
export function parseRowDescription(body: Buffer): FieldDescription[] {
  const fields: FieldDescription[] = [];
  let at = 2;
  for (let left = body.readUInt16BE(0); left > 0; left--) {
    const end = body.indexOf(0, at);
    const name = body.toString("utf8", at, end);
    // The table's OID (4), the column's number (2), the type's OID (4), its size (2), its modifier (4), the format (2).
    fields.push({ name, typeOid: body.readUInt32BE(end + 7), typeModifier: body.readInt32BE(end + 13) });
    at = end + 19;
  }
  return fields;
}
