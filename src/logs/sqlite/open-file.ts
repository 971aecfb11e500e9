import { accessSync, closeSync, constants, existsSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { LogFileError, isErrorOf } from "./failure.ts";
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from "./schema.ts";

/** How long the file may be in use by somebody else, as by `sqlite3` in a shell, in ms. */
const BUSY_MS = 5000;
/** The write-ahead log may become larger than that, and is cut to it again. */
const MAX_WAL_BYTES = 64 * 1024 * 1024;
/** What every database begins with. */
const MAGIC = "SQLite format 3\0";
const HEADER_BYTES = 100;

/** A file that is open for writing, by nobody but us. */
export interface OpenFile {
  readonly db: DatabaseSync;
  /** Others may open it then. */
  close(): void;
}

/**
 * Opens a log's file, or makes it.
 *
 * @throws LogFileError where it is not one, is of a newer version or in use; SQLite's error
 */
export function openFile(path: string): OpenFile {
  checkUntouched(path);
  const lock = lockFile(path);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: BUSY_MS });
    prepare(db);
  } catch (error) {
    db?.close();
    lock.close();
    throw error;
  }
  const opened = db;
  return {
    db: opened,
    close() {
      opened.close();
      lock.close();
    },
  };
}

/** For reading what {@link openFile} has opened. */
export function openReadOnly(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * Looks into a file that may be anybody's: without SQLite, which would lock it, or take up a write-ahead log, or write over what is
 * less than a page. What is told here stands in the first bytes (sqlite.org/fileformat2.html §1.3), and in a log never changes.
 */
function checkUntouched(path: string): void {
  const size = sizeOf(path);
  const hasWal = sizeOf(`${path}-wal`) > 0;
  if (size === 0) {
    // SQLite would delete it, with all that only it has.
    if (hasWal) throw new LogFileError("is damaged (there is its write-ahead log, but nothing in the file)");
    return;
  }
  // What was not made to its end is empty once SQLite has rolled it back.
  if (existsSync(`${path}-journal`)) return;
  const header = readHeader(path);
  if (header.toString("latin1", 0, MAGIC.length) !== MAGIC) throw new LogFileError("is no SQLite database");
  const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  // Beside a write-ahead log it may have been left in the middle of a page.
  if (size < pageBytes || (!hasWal && size % pageBytes > 0)) throw new LogFileError("is damaged (it is cut off)");
  const [schemaCookie, version, id] = [header.readUInt32BE(40), header.readUInt32BE(60), header.readUInt32BE(68)];
  const isNew = id === 0 && version === 0 && schemaCookie === 0;
  // Ours has a write-ahead log only when it is whole.
  if (!isNew || hasWal) checkKind(id, version);
  // What it may only read SQLite opens, too, and leaves files beside it that nobody can write.
  accessSync(path, constants.W_OK);
}

function readHeader(path: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, "r");
  try {
    readSync(file, header, 0, HEADER_BYTES, 0);
    return header;
  } finally {
    closeSync(file);
  }
}

function checkKind(id: number, version: number): void {
  if (id !== APPLICATION_ID) throw new LogFileError("is a database of another program");
  if (version > SCHEMA_VERSION)
    throw new LogFileError(`is of version ${version}; this version of Sluice knows it up to ${SCHEMA_VERSION}`);
}

/** @returns false where nothing has been made yet */
function checkVersion(db: DatabaseSync): boolean {
  const { id } = db.prepare("SELECT application_id AS id FROM pragma_application_id").get() as { id: number };
  const { version } = db.prepare("SELECT user_version AS version FROM pragma_user_version").get() as {
    version: number;
  };
  const { tables } = db.prepare("SELECT count(*) AS tables FROM sqlite_schema").get() as { tables: number };
  if (id === 0 && version === 0 && tables === 0) return false;
  checkKind(id, version);
  return true;
}

/**
 * Held for as long as the process lives, by a transaction in a file beside it: the system gives it back, whatever happens to the
 * process, and the log itself stays open to those who only read it. The file stays, too: two could lock two of the same name.
 */
function lockFile(path: string): DatabaseSync {
  const folder = dirname(path);
  // Whatever name leads to it.
  const target = existsSync(path) ? realpathSync(path) : join(realpathSync(folder), basename(path));
  const lock = new DatabaseSync(`${target}-lock`, { timeout: 0 });
  try {
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (isErrorOf(error, "SQLITE_BUSY")) throw new LogFileError("is open already, here or in another process");
    throw error;
  }
}

function prepare(db: DatabaseSync): void {
  // Until it is whole it has no write-ahead log: what it is, is told by the file alone.
  if (!checkVersion(db)) db.exec(`PRAGMA encoding = 'UTF-8'; BEGIN EXCLUSIVE; ${SCHEMA}; COMMIT`);
  const { journal_mode } = db.prepare("PRAGMA journal_mode = wal").get() as { journal_mode: string };
  if (journal_mode !== "wal") throw new LogFileError("lies where SQLite cannot have a write-ahead log");
  // SQLite opens what it may not write, too.
  db.exec("BEGIN IMMEDIATE; UPDATE leases SET last_epoch = last_epoch; ROLLBACK");
  // What was committed is on the disk.
  db.exec(`PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${MAX_WAL_BYTES}`);
}
