"""FastAPI on uvicorn (uvloop, httptools): a StreamingResponse over the rows of a SQLite query, as its documentation has it."""

import csv
import gc
import io
import json
import os
import signal
import sqlite3

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()

signal.signal(signal.SIGUSR2, lambda *_: gc.collect())

DATABASE = os.path.join(os.environ.get("BENCH_DATA", "."), "rows.db")


def select(limit):
    connection = sqlite3.connect(DATABASE)
    cursor = connection.execute("SELECT * FROM huge_table LIMIT ?", (limit,))
    yield [column[0] for column in cursor.description]
    yield from cursor


def as_csv(limit):
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in select(limit):
        writer.writerow(row)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate(0)


def as_ndjson(limit):
    rows = select(limit)
    names = next(rows)
    for row in rows:
        yield json.dumps(dict(zip(names, row))) + "\n"


@app.get("/sqlite.csv")
def export_csv(limit: int = -1):
    return StreamingResponse(as_csv(limit), media_type="text/csv")


@app.get("/sqlite.ndjson")
def export_ndjson(limit: int = -1):
    return StreamingResponse(as_ndjson(limit), media_type="application/x-ndjson")
