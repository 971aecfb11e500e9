"""FastAPI on uvicorn (uvloop, httptools): a StreamingResponse over a generator, as its documentation shows it.

Files are read by a plain generator, which Starlette iterates in a thread pool; the rest are async generators.
"""

import asyncio
import gc
import os
import signal

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()

CHUNK = (b"sluice benchmark " * 4096)[: 64 * 1024]

signal.signal(signal.SIGUSR2, lambda *_: gc.collect())


async def chunks(count):
    for _ in range(count):
        yield CHUNK


async def endless():
    while True:
        yield CHUNK


async def strings(count):
    for index in range(count):
        yield f"string number {100_000_000 + index}...\n"


async def ticks():
    while True:
        yield "tick\n"
        await asyncio.sleep(1)


async def silence():
    yield ": open\n\n"
    await asyncio.Event().wait()


def file_lines(path):
    with open(path) as file:
        for line in file:
            yield line


@app.get("/chunks")
async def get_chunks(count: int):
    return StreamingResponse(chunks(count))


@app.get("/lines")
def get_lines(count: int):
    path = os.path.join(os.environ.get("BENCH_DATA", "."), f"lines-{count}.txt")
    return StreamingResponse(file_lines(path), media_type="text/plain")


@app.get("/strings")
async def get_strings(count: int):
    return StreamingResponse(strings(count), media_type="text/plain")


@app.get("/ticks")
async def get_ticks():
    return StreamingResponse(ticks(), media_type="text/plain")


@app.get("/endless")
async def get_endless():
    return StreamingResponse(endless())


@app.get("/events")
async def get_events():
    return StreamingResponse(silence(), media_type="text/event-stream")
