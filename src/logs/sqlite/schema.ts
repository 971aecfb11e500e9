/** Tells a log from other databases: "SLOG". */
export const APPLICATION_ID = 0x534c4f47;

/** Raised with every change to the schema; a file of a higher one is not opened. */
export const SCHEMA_VERSION = 1;

/**
 * `streams` has a row for each stream. `state` is
 *   there     - it has the name
 *   gone      - it was deleted, and has the name as long as there are `forks` of it
 *   removed   - its rows are being deleted, the last of all this one
 * Of a fork, what comes before `origin_at` are its origin's messages. `count` is the number of its last message. What comes before
 * `first` was trimmed, and its rows are deleted up to `rows_from`. A lease is held while the log that it was taken of is open:
 * until when is known there. `used_at_ms` may be a second old in a log that was not closed.
 *
 * `messages` has a row for each message: `end` is the position behind it, `number` counts from the stream's first on, those of its
 * origin included. `body` is TEXT where it is UTF-8, and a BLOB where not: `CAST(body AS BLOB)` gives its bytes. Rows lie in the
 * order in which they came, whatever their stream: an append writes to the end of one tree, and to one place in a small index.
 *
 *   sqlite3 log.db "SELECT body FROM messages JOIN streams USING (stream) WHERE name = 'orders' ORDER BY end"
 */
export const SCHEMA: string = `
  CREATE TABLE streams (
    stream INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    generation TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'there' CHECK (state IN ('there', 'gone', 'removed')),
    content_type TEXT NOT NULL,
    ttl_seconds REAL,
    expires_at_ms INTEGER,
    is_public INTEGER,
    origin INTEGER,
    origin_at INTEGER,
    forks INTEGER NOT NULL DEFAULT 0,
    first INTEGER NOT NULL DEFAULT 0,
    rows_from INTEGER NOT NULL,
    next INTEGER NOT NULL,
    count INTEGER NOT NULL,
    closed INTEGER NOT NULL DEFAULT 0,
    failure TEXT,
    seq TEXT,
    lease_holder TEXT,
    lease_epoch INTEGER,
    created_at_ms INTEGER NOT NULL,
    used_at_ms INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX streams_by_name ON streams (name) WHERE state <> 'removed';
  CREATE INDEX streams_leased ON streams (stream) WHERE lease_holder IS NOT NULL;
  CREATE INDEX streams_mortal ON streams (stream) WHERE ttl_seconds IS NOT NULL OR expires_at_ms IS NOT NULL;
  CREATE INDEX streams_untidy ON streams (stream) WHERE rows_from < first OR state = 'removed';

  CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    end INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    body ANY NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX messages_by_position ON messages (stream, end);

  CREATE TABLE producers (
    stream INTEGER NOT NULL,
    id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (stream, id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE leases (last_epoch INTEGER NOT NULL) STRICT;
  INSERT INTO leases VALUES (0);

  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;
