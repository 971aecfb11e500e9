/**
 * Sets a symbolic link to one target and to the other, without end: `node path-swapper.ts link|remove NAME TARGET TARGET`.
 * `link` puts the one in the place of the other, `remove` has a moment without any.
 */
import { renameSync, rmSync, symlinkSync } from "node:fs";

const [mode, name, ...targets] = process.argv.slice(2) as [string, string, ...string[]];
for (let round = 0; ; round++) {
  const target = targets[round % targets.length]!;
  if (mode === "remove") {
    rmSync(name, { force: true });
    symlinkSync(target, name);
  } else {
    symlinkSync(target, `${name}.next`);
    renameSync(`${name}.next`, name);
  }
  if (round === 0) console.log("ready");
}
