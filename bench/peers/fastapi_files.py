"""FastAPI on uvicorn (uvloop, httptools): a FileResponse, as its documentation shows it."""

import gc
import os
import signal

from fastapi import FastAPI
from fastapi.responses import FileResponse

app = FastAPI()

signal.signal(signal.SIGUSR2, lambda *_: gc.collect())

ROOT = os.path.join(os.environ.get("BENCH_DATA", "."), "files")


@app.get("/{name}")
async def get_file(name: str):
    return FileResponse(os.path.join(ROOT, name), media_type="application/octet-stream")
