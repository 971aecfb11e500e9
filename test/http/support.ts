/** As long as the fields of a request may be together, about. */
const FLOOD_LENGTH = 15_000;

export function flood(unit: string): string {
  return unit.repeat(Math.ceil(FLOOD_LENGTH / unit.length)).slice(0, FLOOD_LENGTH);
}

/** The shortest of many runs, in ms: what it costs where nothing else disturbs. */
export function fastestMs(run: () => unknown): number {
  let fastest = Infinity;
  for (let round = 0; round < 30; round++) {
    const start = performance.now();
    run();
    fastest = Math.min(fastest, performance.now() - start);
  }
  return fastest;
}
