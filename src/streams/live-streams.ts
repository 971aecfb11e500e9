import type { EventLog } from "../logs/event-log.ts";
import type { Framing } from "./frames.ts";
import { LiveStream } from "./live-stream.ts";
import type { StreamWatches } from "./stream-watches.ts";

/** The ends that somebody waits at, by name and framing. */
export class LiveStreams {
  readonly #log: EventLog;
  readonly #watches: StreamWatches;
  readonly #streams = new Map<Framing, Map<string, LiveStream>>();

  constructor(log: EventLog, watches: StreamWatches) {
    this.#log = log;
    this.#watches = watches;
  }

  get(name: string, framing: Framing): LiveStream {
    const streams = this.#streams.get(framing) ?? new Map<string, LiveStream>();
    this.#streams.set(framing, streams);
    const known = streams.get(name);
    if (known && known.end === undefined) return known;
    const live: LiveStream = new LiveStream(this.#log, this.#watches, name, framing, () => {
      if (streams.get(name) === live) streams.delete(name);
    });
    streams.set(name, live);
    return live;
  }
}
