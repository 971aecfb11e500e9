/** The client in Node, for machines without a C compiler: same options and output as `native/reader.c`, but slower. */
import { createConnection, type Socket } from "node:net";
import { parseArgs } from "node:util";
import { ResponseParser } from "./response-parser.ts";
import { Deliveries } from "./deliveries.ts";
import { Publisher } from "./publisher.ts";
import { RatedPublisher } from "./rated-publisher.ts";

/** Connections without an answer: fewer than servers let wait to be accepted (511 in Node). */
const UNANSWERED_AT_ONCE = 256;
const PACE_MS = 10;

const number = (fallback: number) => ({ type: "string", default: String(fallback) }) as const;

const { values } = parseArgs({
  options: {
    port: number(0),
    path: { type: "string", default: "/" },
    header: { type: "string", multiple: true, default: [] },
    connections: number(1),
    requests: number(1),
    rounds: number(1),
    "linger-ms": number(-1),
    "pace-bytes": number(0),
    "pause-after": number(-1),
    paused: number(0),
    "leave-after": number(-1),
    "spread-bytes": number(0),
    hold: { type: "boolean", default: false },
    "request-times": { type: "boolean", default: false },
    // It always does.
    "copy-bodies": { type: "boolean", default: false },
    "post-bytes": number(0),
    paths: number(0),
    pages: { type: "boolean", default: false },
    publish: { type: "string" },
    events: number(0),
    "event-bytes": number(100),
    window: number(1),
    rate: number(0),
    publishers: number(1),
    "timeout-ms": number(60_000),
  },
});

const port = Number(values.port);
const connections = Number(values.connections);
const pauseAfter = Number(values["pause-after"]);
const pausing = pauseAfter >= 0 && Number(values.paused) === 0 ? connections : Number(values.paused);
const leaveAfter = Number(values["leave-after"]);
const spreadBytes = Number(values["spread-bytes"]);
const paceBytes = Number(values["pace-bytes"]);
const lingerMs = Number(values["linger-ms"]);
const postBytes = Number(values["post-bytes"]);
const paths = Number(values.paths);
const rate = Number(values.rate);
const fields = [`Host: 127.0.0.1:${port}`, ...values.header];
const body = "x".repeat(postBytes);

/** @param offset - of the page that is asked for; undefined at the first */
function requestOf(index: number, offset?: string): string {
  const range = spreadBytes > 0 ? [`Range: bytes=${Math.floor((spreadBytes * index) / connections)}-`] : [];
  const length = postBytes > 0 ? [`Content-Length: ${postBytes}`] : [];
  const query = offset === undefined ? "" : `${values.path.includes("?") ? "&" : "?"}offset=${offset}`;
  const path = values.path + (paths > 0 ? index % paths : "") + query;
  const line = `${postBytes > 0 ? "POST" : "GET"} ${path} HTTP/1.1`;
  return [line, ...fields, ...length, ...range, "", body].join("\r\n");
}

/** What is posted may be answered without a body, or as made. */
function isOk(status: number): boolean {
  return postBytes > 0 ? status >= 200 && status < 300 : status === 200 || status === 206;
}

const counts = { completed: 0, failed: 0, notOk: 0, lastNotOk: 0, bodyBytes: 0, deliveries: 0 };

function countStatus(status: number): void {
  if (isOk(status)) return;
  counts.notOk++;
  counts.lastNotOk = status;
}
const firstByteMs: number[] = [];
const requestMs: number[] = [];
const started = performance.now();

let publisher: Publisher | undefined;
let ratedPublisher: RatedPublisher | undefined;
const deliveries =
  rate > 0 ? new Deliveries(Number(values.events), connections - (pauseAfter >= 0 ? pausing : 0)) : undefined;
let timedOut = false;
const told = Promise.withResolvers<void>();

/** One round's connections; `ended` resolves when the round is over. */
class Round {
  readonly ended = Promise.withResolvers<void>();
  readonly #sockets: Socket[] = [];
  #unanswered = 0;
  #finished = 0;
  #heads = 0;
  #paused = 0;
  #firstBytes = 0;
  #failedBefore = counts.failed;
  #ready = false;

  /** Opens as many as may be unanswered at once; called again as they are answered. */
  open(): void {
    while (this.#sockets.length < connections && this.#unanswered < UNANSWERED_AT_ONCE) this.#openOne();
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #openOne(): void {
    const mayPause = this.#sockets.length < pausing;
    const index = this.#sockets.length;
    const askedAt = performance.now();
    let received = 0;
    const takeNumber = (event: number): void => {
      if (!mayPause) deliveries?.take(received++, event);
    };
    const newParser = (): ResponseParser =>
      new ResponseParser(values.publish !== undefined, deliveries ? takeNumber : undefined);
    let parser = newParser();
    let answered = 0;
    let offset: string | undefined;
    let requestsLeft = Number(values.requests) - 1;
    let sentAt = 0;
    let hasHead = false;
    let hasFirstByte = false;
    this.#unanswered++;
    const socket = createConnection({ port, host: "127.0.0.1", noDelay: true });
    this.#sockets.push(socket);

    const finish = (ok: boolean) => {
      if (socket.destroyed) return;
      if (!hasHead) this.#unanswered--;
      socket.destroy();
      if (!ok) counts.failed++;
      this.#finished++;
      this.#progress();
    };
    const ask = () => {
      sentAt = performance.now();
      socket.write(requestOf(index, offset));
    };
    const endResponse = () => {
      if (parser.state === "broken") return finish(false);
      counts.completed++;
      // The first was looked at when its head came: it may have no end.
      if (answered++ > 0) countStatus(parser.status);
      offset = values.pages ? parser.nextPage : undefined;
      if (offset !== undefined) requestsLeft++;
      if (values["request-times"]) requestMs.push(performance.now() - sentAt);
      if (requestsLeft === 0 || !parser.keepsAlive) return finish(requestsLeft === 0);
      requestsLeft--;
      parser = newParser();
      ask();
    };
    const leave = () => {
      counts.completed++;
      finish(true);
    };
    const note = (bytesBefore: number, markersBefore: number) => {
      counts.bodyBytes += parser.bodyBytes - bytesBefore;
      if (!mayPause) counts.deliveries += parser.markers - markersBefore;
      if (!hasHead && parser.status !== 0) {
        hasHead = true;
        this.#unanswered--;
        this.#heads++;
        this.open();
        countStatus(parser.status);
      }
      if (!hasFirstByte && parser.bodyBytes > 0) {
        hasFirstByte = true;
        this.#firstBytes++;
        firstByteMs.push(performance.now() - askedAt);
      }
      if (mayPause && hasHead && parser.bodyBytes >= pauseAfter && !socket.isPaused()) {
        socket.pause();
        this.#paused++;
      }
    };
    socket.once("connect", ask);
    socket.on("data", (bytes) => {
      const { bodyBytes, markers } = parser;
      parser.feed(bytes);
      note(bodyBytes, markers);
      if (parser.ended) endResponse();
      else if (leaveAfter >= 0 && parser.bodyBytes >= leaveAfter) leave();
      else if (paceBytes > 0) this.#rest(socket, bytes.length);
      this.#progress();
    });
    socket.once("end", () => {
      parser.closed();
      endResponse();
    });
    socket.once("error", () => finish(false));
  }

  /** Reads no more for as long as these bytes should have taken. */
  #rest(socket: Socket, length: number): void {
    socket.pause();
    setTimeout(() => socket.resume(), (length / paceBytes) * PACE_MS);
  }

  #progress(): void {
    const failed = counts.failed - this.#failedBefore;
    ratedPublisher?.delivered();
    if (publisher !== undefined) publisher.delivered(counts.deliveries / (connections - pausing));
    if (values.publish !== undefined || values.hold) {
      if (this.#ready || this.#heads + failed < connections || this.#paused + failed < pausing) return;
      this.#ready = true;
      console.log('{"ready":true}');
    } else if (lingerMs >= 0) {
      if (this.#firstBytes + failed >= connections) setTimeout(this.ended.resolve, lingerMs);
    } else if (this.#finished + this.#paused >= connections) {
      this.ended.resolve();
    }
  }
}

async function untilTold(round: Round): Promise<void> {
  await told.promise;
  if (values.publish === undefined) return round.ended.resolve();
  if (deliveries) {
    const wanted = { port, path: values.publish, rate, publishers: Number(values.publishers) };
    ratedPublisher = new RatedPublisher(wanted, deliveries, Number(values["event-bytes"]));
    await ratedPublisher.ended;
    return round.ended.resolve();
  }
  publisher = new Publisher(port, values.publish, Number(values.events), Number(values["event-bytes"]));
  publisher.window = Number(values.window);
  await publisher.ended;
  round.ended.resolve();
}

process.stdin.once("data", () => told.resolve()).once("end", () => told.resolve());
for (let index = 0; index < Number(values.rounds) && !timedOut; index++) {
  const round = new Round();
  const timer = setTimeout(
    () => {
      timedOut = true;
      round.ended.resolve();
    },
    Number(values["timeout-ms"]) - (performance.now() - started),
  );
  if (values.hold || values.publish !== undefined) void untilTold(round);
  round.open();
  await round.ended.promise;
  clearTimeout(timer);
  round.close();
}

const { user, system } = process.cpuUsage();
const result = {
  timedOut,
  ...counts,
  published: ratedPublisher?.published ?? publisher?.published ?? 0,
  publishFailed: ratedPublisher?.failed ?? publisher?.failed ?? false,
  wallMs: performance.now() - started,
  cpuMs: (user + system) / 1000,
  firstByteMs,
  requestMs,
  lastReaderMs: publisher?.latenciesMs ?? [],
  ...(deliveries && ratedPublisher ? deliveries.result(ratedPublisher.startedAt) : {}),
};
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
