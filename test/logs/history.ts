/** What writers and readers of one stream have seen of it, and whether that can be. */

/** One append of a producer, as often as it was sent. Its message is {@link messageOf} it. */
export interface SentAppend {
  readonly id: string;
  readonly epoch: number;
  readonly seq: number;
  /** The place behind it, as its acknowledgement told; undefined where none came. */
  readonly acknowledged: number | undefined;
  /** It was acknowledged as a repetition: with where the end is then. */
  readonly isRepeated?: boolean;
}

export interface ReadMessage {
  readonly text: string;
  /** The place behind it. */
  readonly end: number;
}

export interface ReaderRecord {
  readonly reader: string;
  /** The place where he began. */
  readonly from: number;
  /** In the order in which they came, whatever connection they came by. */
  readonly messages: readonly ReadMessage[];
  /** He has read to the end. */
  readonly isComplete: boolean;
}

export interface History {
  readonly sent: readonly SentAppend[];
  readonly readers: readonly ReaderRecord[];
  /** All that is there in the end. */
  readonly final: readonly ReadMessage[];
}

export interface Fault {
  /**
   * lost: acknowledged, or there, but not where it has to be. doubled: there twice. reordered: not in the order of its producer, or of
   * the log. phantom: never sent, or somewhere else than it is said to be.
   */
  readonly kind: "lost" | "doubled" | "reordered" | "phantom";
  readonly what: string;
}

/** What an append writes, as JSON. */
export function messageOf({ id, epoch, seq }: Pick<SentAppend, "id" | "epoch" | "seq">): string {
  return JSON.stringify(`${id} ${epoch} ${seq}`);
}

/** @returns none where every append that was acknowledged is there, in order, once, and readers have seen just that */
export function findFaults(history: History): Fault[] {
  return [...checkFinal(history), ...history.readers.flatMap((record) => checkReader(record, history.final))];
}

function checkFinal({ sent, final }: History): Fault[] {
  const faults: Fault[] = [];
  const places = new Map<string, number>();
  const appends = new Map(sent.map((append) => [messageOf(append), append]));
  const last = new Map<string, SentAppend>();
  let before = 0;
  for (const { text, end } of final) {
    const append = appends.get(text);
    if (!append) {
      faults.push({ kind: "phantom", what: `${text} was never sent` });
      continue;
    }
    if (places.has(text)) faults.push({ kind: "doubled", what: text });
    else if (isBefore(append, last.get(append.id)))
      faults.push({ kind: "reordered", what: `${text} behind ${messageOf(last.get(append.id)!)}` });
    if (end !== before + Buffer.byteLength(text))
      faults.push({ kind: "phantom", what: `${text} ends at ${end}, where ${before} is before it` });
    before = end;
    if (!places.has(text)) places.set(text, end);
    last.set(append.id, append);
  }
  for (const append of sent) {
    const { acknowledged, isRepeated = false } = append;
    if (acknowledged === undefined) continue;
    const place = places.get(messageOf(append));
    if (place === undefined) faults.push({ kind: "lost", what: `${messageOf(append)} was acknowledged` });
    else if (isRepeated ? acknowledged < place : acknowledged !== place)
      faults.push({
        kind: "phantom",
        what: `${messageOf(append)} was acknowledged at ${acknowledged}, is at ${place}`,
      });
  }
  return faults;
}

function isBefore(append: SentAppend, other: SentAppend | undefined): boolean {
  if (!other) return false;
  return append.epoch < other.epoch || (append.epoch === other.epoch && append.seq < other.seq);
}

/** A reader sees what is there from where he began, one behind the other. */
function checkReader({ reader, from, messages, isComplete }: ReaderRecord, final: readonly ReadMessage[]): Fault[] {
  const faults: Fault[] = [];
  const places = new Map(final.map(({ text, end }, index) => [text, { end, index }]));
  const begin = final.findIndex(({ end }) => end > from);
  let next = begin < 0 ? final.length : begin;
  const seen = new Set<string>();
  for (const { text, end } of messages) {
    const place = places.get(text);
    if (!place) faults.push({ kind: "phantom", what: `${reader} saw ${text}, which is not there` });
    else if (seen.has(text)) faults.push({ kind: "doubled", what: `${reader} saw ${text} again` });
    else if (place.end !== end)
      faults.push({ kind: "phantom", what: `${reader} saw ${text} at ${end}, it is at ${place.end}` });
    else if (place.index < next) faults.push({ kind: "reordered", what: `${reader} saw ${text} late` });
    else {
      for (; next < place.index; next++)
        faults.push({ kind: "lost", what: `${reader} did not see ${final[next]!.text} before ${text}` });
      next = place.index + 1;
    }
    seen.add(text);
  }
  if (isComplete)
    for (; next < final.length; next++)
      faults.push({ kind: "lost", what: `${reader} did not see ${final[next]!.text}, and was at the end` });
  return faults;
}
