import { Presets, SingleBar } from "cli-progress";

const RATE_WINDOW_MS = 10_000;
const SAMPLE_MS = 500;

/** What a person is shown meanwhile: a bar where there is a terminal, and sentences. */
export class GetProgress {
  readonly #out: NodeJS.WriteStream;
  readonly #describe: () => string | undefined;
  readonly #rate = new Rate();
  #bar: SingleBar | undefined;
  #label = "";
  #done = 0;

  /** @param describe - what else has come so far, beside bytes */
  constructor(describe: () => string | undefined = () => undefined, out: NodeJS.WriteStream = process.stderr) {
    this.#describe = describe;
    this.#out = out;
  }

  /** @param totalBytes - undefined where nobody knows it */
  update(label: string, doneBytes: number, totalBytes: number | undefined): void {
    if (!this.#out.isTTY) return;
    if (label !== this.#label || doneBytes < this.#done) {
      this.#stop();
      this.#label = label;
      this.#rate.reset();
    }
    this.#done = doneBytes;
    this.#rate.add(doneBytes);
    this.#bar ??= this.#start();
    this.#bar.setTotal(totalBytes ?? 0);
    this.#bar.update(doneBytes);
  }

  note(text: string): void {
    this.#stop();
    this.#out.write(`sluice: ${text}\n`);
  }

  stop(): void {
    this.#stop();
  }

  #start(): SingleBar {
    const bar = new SingleBar(
      {
        stream: this.#out,
        hideCursor: true,
        clearOnComplete: true,
        fps: 5,
        format: (_options, { value, total }) => this.#format(value, total),
      },
      Presets.shades_classic,
    );
    bar.start(0, this.#done);
    return bar;
  }

  #stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #format(done: number, total: number): string {
    const rate = this.#rate.bytesPerSecond;
    const parts = [this.#label];
    if (total > 0) {
      const filled = Math.floor((done / total) * 30);
      parts.push("█".repeat(filled) + "░".repeat(30 - filled));
    }
    const described = this.#describe();
    if (described !== undefined) parts.push(described);
    parts.push(total > 0 ? `${formatBytes(done)} of ${formatBytes(total)}` : formatBytes(done));
    if (rate !== undefined) {
      parts.push(`${formatBytes(rate)}/s`);
      if (total > 0 && rate > 0) parts.push(`${formatDuration((total - done) / rate)} left`);
    }
    return parts.join("  ");
  }
}

/** Bytes a second over the last seconds. */
class Rate {
  #samples: { atMs: number; bytes: number }[] = [];

  reset(): void {
    this.#samples = [];
  }

  add(bytes: number): void {
    const atMs = performance.now();
    const last = this.#samples.at(-1);
    if (last && atMs - last.atMs < SAMPLE_MS) return;
    this.#samples.push({ atMs, bytes });
    while (atMs - this.#samples[0]!.atMs > RATE_WINDOW_MS) this.#samples.shift();
  }

  get bytesPerSecond(): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || first === last) return undefined;
    return ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1000;
  }
}

/** `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `1:05:09`, `5:09`. */
function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const two = (number: number): string => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(whole % 60)}`;
}
