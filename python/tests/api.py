"""The FastAPI application of the seed's README, with the GET that its examples ask for."""

import asyncio
import hashlib

from fastapi import FastAPI, Request

app = FastAPI()


@app.get("/")
async def hello():
    return {"message": "Hello world!"}


@app.post("/")
async def root(data: dict):
    return data


@app.get("/delay/{milliseconds}")
async def delay(milliseconds: int):
    await asyncio.sleep(milliseconds / 1000)
    return {"message": "Hello world!"}


@app.post("/form")
async def form(request: Request):
    return [[name, value] for name, value in (await request.form()).multi_items()]


@app.post("/files")
async def files(request: Request):
    """What came, field by field: texts as they are, files with name, type, size and digest."""
    fields = []
    for name, value in (await request.form(max_files=100)).multi_items():
        if isinstance(value, str):
            fields.append([name, value])
        else:
            content = await value.read()
            digest = hashlib.sha256(content).hexdigest()
            fields.append([name, value.filename, value.content_type, len(content), digest])
    return fields


@app.post("/digest")
async def digest(request: Request):
    """Of a body, as it streams in."""
    length, sum_ = 0, hashlib.sha256()
    async for piece in request.stream():
        length += len(piece)
        sum_.update(piece)
    headers = request.headers
    return {
        "length": length,
        "digest": sum_.hexdigest(),
        "content_length": headers.get("content-length"),
        "transfer_encoding": headers.get("transfer-encoding"),
        "content_type": headers.get("content-type"),
    }
