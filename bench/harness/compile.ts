import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * Compiles C sources with the first compiler there is.
 *
 * @returns its name; undefined where there is none
 */
export async function compile(sources: string[], program: string): Promise<string | undefined> {
  for (const compiler of ["gcc", "cc", "clang"]) {
    try {
      await run(compiler, ["-O2", "-std=c11", "-D_DEFAULT_SOURCE", "-o", program, ...sources]);
      return compiler;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return undefined;
}
