/** What a reader is started with. */
export interface DatabaseSettings {
  /** The folder whose files may be read, as its real path. */
  readonly root: string | undefined;
  readonly memoryLimit: string;
  readonly threads: number;
  /** What the path of the folder for temporary files begins with; the process's id follows. */
  readonly temporaryPrefix: string;
  readonly maxSpill: string;
}

/** The path of no file. */
export const IN_MEMORY = ":memory:";

/** The folder of this process for temporary files, which is made when it is needed. */
export function temporaryPathOf({ temporaryPrefix }: DatabaseSettings): string {
  return `${temporaryPrefix}${process.pid}`;
}
