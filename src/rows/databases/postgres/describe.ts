import { Exchange } from "./exchange.ts";
import {
  type FieldDescription,
  MESSAGE,
  MESSAGE_HEAD_BYTES,
  type PgConnection,
  type ServerError,
  parseErrorResponse,
  parseRowDescription,
} from "./protocol.ts";
import { ServerFailure } from "./failure.ts";

/**
 * Has the backend parse one statement, and describe what it gives, without running it: in the extended protocol, which takes
 * no second statement.
 */
export class Describe extends Exchange {
  readonly #sql: string;
  readonly #settle: (result: { fields: FieldDescription[] } | { error: Error }) => void;
  #stash: Buffer = Buffer.alloc(0);
  #fields: FieldDescription[] = [];
  #error: ServerError | undefined;

  constructor(sql: string, settle: (result: { fields: FieldDescription[] } | { error: Error }) => void) {
    super();
    this.#sql = sql;
    this.#settle = settle;
  }

  protected send(connection: PgConnection): void {
    connection.parse({ name: "", text: this.#sql, types: [] });
    connection.describe({ type: "S", name: "" });
    connection.sync();
  }

  handleError(error: Error): void {
    this.#settle({ error });
  }

  override handleReadyForQuery(): void {
    this.#settle(this.#error ? { error: new ServerFailure(this.#error) } : { fields: this.#fields });
  }

  protected readonly onChunk = (chunk: Buffer): void => {
    const bytes = this.#stash.length === 0 ? chunk : Buffer.concat([this.#stash, chunk]);
    let at = 0;
    while (at + MESSAGE_HEAD_BYTES <= bytes.length) {
      const end = at + 1 + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      const type = bytes[at]!;
      const body = bytes.subarray(at + MESSAGE_HEAD_BYTES, end);
      if (type === MESSAGE.rowDescription) this.#fields = parseRowDescription(body);
      else if (type === MESSAGE.errorResponse) this.#error = parseErrorResponse(body);
      else this.passOn(type, bytes.subarray(at, end));
      at = end;
    }
    this.#stash = Buffer.from(bytes.subarray(at));
  };
}
