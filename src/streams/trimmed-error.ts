import { HttpError } from "../errors.ts";
import type { StreamInfo } from "../logs/event-log.ts";
import { formatOffset } from "./offset.ts";
import { FIELDS } from "./stream-fields.ts";

/** What a reader would get next is not kept any more: 410, which says from where there is something. */
export class TrimmedError extends HttpError {
  override readonly name: string = "TrimmedError";
  readonly info: StreamInfo;

  constructor(info: StreamInfo) {
    const first = formatOffset(info.first);
    super(410, `What came before ${first} is not kept any more`, {
      headers: { [FIELDS.nextOffset]: first },
      members: { code: "trimmed", first },
    });
    this.info = info;
  }
}
