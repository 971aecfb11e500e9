import { Presets, SingleBar } from "cli-progress";

/** Tells somebody how far a piece of work is. */
export interface Progress {
  /** @param done - of `total`, never less than before */
  update(done: number): void;
  stop(): void;
}

/** A bar on stderr; where that is no terminal, a line at each quarter. */
export function showProgress(label: string, total: number, out: NodeJS.WriteStream = process.stderr): Progress {
  if (!out.isTTY) {
    let quarter = 0;
    return {
      update(done) {
        const now = Math.floor((done / total) * 4);
        if (now > quarter) out.write(`${label}: ${now * 25} %\n`);
        quarter = now;
      },
      stop() {},
    };
  }
  const bar = new SingleBar(
    { format: `${label} {bar} {percentage} %`, stream: out, hideCursor: true },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return { update: (done) => bar.update(done), stop: () => bar.stop() };
}
