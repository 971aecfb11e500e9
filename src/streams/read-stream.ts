import { HttpError } from "../errors.ts";
import type { InfoResult, Page, Position, ReadLimits, StreamInfo } from "../logs/event-log.ts";
import type { ResolvedStreamsOptions } from "./stream-options.ts";
import { TrimmedError } from "./trimmed-error.ts";

/** From where somebody reads: a position, or the first message that is kept. */
export type Begin = Position | "first";

/**
 * @throws HttpError 404, 410; TrimmedError where a position was given, and what comes behind it is not kept any more
 */
export async function readPage(
  name: string,
  begin: Begin,
  { log }: ResolvedStreamsOptions,
  limits: ReadLimits,
): Promise<Page> {
  let after = begin === "first" ? 0 : begin;
  for (;;) {
    const result = await log.read(name, after, limits);
    switch (result.status) {
      case "page":
        return result.page;
      case "missing":
        throw new HttpError(404, "There is no such stream");
      case "gone":
        throw new HttpError(410, "The stream was deleted");
      case "trimmed":
        if (begin !== "first") throw new TrimmedError(result.info);
        after = result.info.first;
    }
  }
}

/** What is known of a stream. @throws HttpError 404, 410 */
export async function readInfo(name: string, { log }: ResolvedStreamsOptions, isUse = false): Promise<StreamInfo> {
  const result = await (isUse ? log.touch(name) : log.info(name));
  if (result.status === "there") return result.info;
  throw result.status === "gone"
    ? new HttpError(410, "The stream was deleted")
    : new HttpError(404, "There is no such stream");
}

/** Whether there is something behind a position that was the end, or another stream, or none. */
export function isChanged(known: InfoResult, next: Position, generation: string): boolean {
  if (known.status !== "there") return true;
  const { info } = known;
  return info.next !== next || info.closed || info.generation !== generation;
}

export function isAtEnd({ next, info }: Page): boolean {
  return next === info.next;
}
