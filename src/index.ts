export { ERROR_CODES, HttpError, SluiceError, SluiceTypeError } from "./errors.ts";
export type { HttpErrorOptions, SluiceErrorCode } from "./errors.ts";
export type { OnFinish, Outcome, OutcomeKind } from "./core/body.ts";
export { budget } from "./core/budget.ts";
export { setReporter } from "./core/report.ts";
export type { Report, Reporter } from "./core/report.ts";
export type { LazySource, SourceContext, ValueSource } from "./core/source.ts";
export { EncodedEvent, encodeEvent, lastEventIdOf } from "./http/event-codec.ts";
export type { EventItem, ServerSentEvent } from "./http/event-codec.ts";
export type { ResponseOptions } from "./http/response-options.ts";
export { contentDisposition } from "./http/disposition.ts";
export { errorResponse, problemResponse } from "./http/problem.ts";
export { EventBroadcast } from "./events/event-broadcast.ts";
export type { BroadcastOptions } from "./events/event-broadcast.ts";
export { eventStreamResponse } from "./events/event-stream-response.ts";
export type { EventContext, EventStreamInit, Events } from "./events/event-stream-response.ts";
export { directory } from "./files/directory.ts";
export type { DirectoryOptions } from "./files/directory.ts";
export type { Disposition, FileOptions } from "./files/answer-file.ts";
export type { EtagMode } from "./files/file-validators.ts";
export type { CacheControlOptions } from "./http/cache-control.ts";
export { fileResponse } from "./files/file-response.ts";
export type { FollowOptions } from "./files/follow-file.ts";
export type { FollowUntil } from "./files/followed-file.ts";
export type { FileInit } from "./files/file-response.ts";
export type { Column, ColumnType } from "./rows/column.ts";
export type { ParameterValue, Parameters } from "./rows/parameters.ts";
export { QueryError } from "./rows/query-error.ts";
export type { QueryErrorOptions } from "./rows/query-error.ts";
export type { RowFormatName, RowFormatOptions } from "./rows/row-format.ts";
export type { RowDatabase, RowQuery, RowRequest, RowStream, Table } from "./rows/row-query.ts";
export { rowsResponse } from "./rows/rows-response.ts";
export { runResponse } from "./rows/run-response.ts";
export type { RunInit } from "./rows/run-response.ts";
export type { RowsInit, RowsOutcome } from "./rows/rows-init.ts";
export type {
  AppendRequest,
  AppendResult,
  CreateRequest,
  CreateResult,
  EventLog,
  ForkOrigin,
  InfoResult,
  Lease,
  Page,
  Position,
  Producer,
  ReadLimits,
  ReadResult,
  Retention,
  StreamConfig,
  StreamInfo,
} from "./logs/event-log.ts";
export { createStreams } from "./streams/create-streams.ts";
export type { AppendInit, Streams } from "./streams/create-streams.ts";
export type { StreamsOptions } from "./streams/stream-options.ts";
export type { ProduceContext, ProduceSource } from "./streams/production.ts";
export type { ProduceInit } from "./streams/producers.ts";
export { openSpool } from "./representation/spool/open-spool.ts";
export type { Spool, SpoolOptions } from "./representation/spool/spool.ts";
export type { SpooledBody } from "./representation/spool/spooled-body.ts";
export type { SpoolRecord, SpoolState } from "./representation/spool/spool-record.ts";
export { spooled } from "./streaming/spooled.ts";
export type { SpooledInit, SpooledSource } from "./streaming/spooled.ts";
export { lines } from "./streaming/lines.ts";
export type { Lines, LinesOptions } from "./streaming/lines.ts";
export { streamingResponse } from "./streaming/streaming-response.ts";
export type { StreamingInit, StreamingSource } from "./streaming/streaming-response.ts";
