import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { quoteText } from "../../sql-dialect.ts";
import { type DatabaseSettings, IN_MEMORY, temporaryPathOf } from "./settings.ts";

/** A connection of its own database. */
export interface OpenDatabase extends Disposable {
  readonly connection: DuckDBConnection;
}

/**
 * Opens a database for one query: nothing can be written to it, no file can be read but those under the root, no extension comes
 * from anywhere, and no statement changes that.
 *
 * DuckDB resolves `..` and symbolic links before it compares a path with the root.
 *
 * @param outputPath - what `COPY` may write to
 */
export async function openDatabase(
  path: string,
  settings: DatabaseSettings,
  timeZone: string,
  outputPath: string | undefined,
): Promise<OpenDatabase> {
  const { root, memoryLimit, threads, maxSpill } = settings;
  // With file access off, DuckDB refuses what it would look for in its `file_search_path`.
  if (root !== undefined) process.chdir(root);
  const instance = await DuckDBInstance.create(path, {
    ...(path === IN_MEMORY ? {} : { access_mode: "READ_ONLY" }),
    threads: String(threads),
    memory_limit: memoryLimit,
    temp_directory: temporaryPathOf(settings),
    max_temp_directory_size: maxSpill,
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    allow_community_extensions: "false",
    allow_persistent_secrets: "false",
  });
  try {
    const connection = await instance.connect();
    await connection.run(`SET TimeZone = ${quoteText(timeZone)}`);
    if (root !== undefined) await connection.run(`SET allowed_directories = [${quoteText(root)}]`);
    if (outputPath !== undefined) await connection.run(`SET allowed_paths = [${quoteText(outputPath)}]`);
    await connection.run("SET enable_external_access = false");
    await connection.run("SET lock_configuration = true");
    return {
      connection,
      [Symbol.dispose]() {
        connection.closeSync();
        instance.closeSync();
      },
    };
  } catch (error) {
    instance.closeSync();
    throw error;
  }
}
