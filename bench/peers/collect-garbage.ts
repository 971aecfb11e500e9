/** Preloaded into every Node peer: collects garbage when the harness asks, so that memory readings compare. */
declare const gc: (() => void) | undefined;

process.on("SIGUSR2", () => {
  gc?.();
  gc?.();
});
