import { HttpError, SluiceError } from "../../errors.ts";
import { QueryError } from "../query-error.ts";
import type { ReaderAnswer } from "./messages.ts";

/** What a reader answered instead of rows. */
export function toError(answer: ReaderAnswer): Error {
  if (answer.kind !== "failed")
    return new SluiceError("ERR_DATABASE", `The reader answered out of turn: ${answer.kind}`);
  const { reason, message, position, databaseCode } = answer;
  switch (reason) {
    case "busy":
      return new HttpError(503, "The database is busy", { cause: new Error(message), headers: { "Retry-After": "1" } });
    case "unknown table":
      return new HttpError(404, message);
    case "query":
      return new QueryError(message, { position, databaseCode });
    case "denied":
      return new QueryError(message, { position, databaseCode, status: 403 });
    case "database":
      return new SluiceError("ERR_DATABASE", message);
  }
}
