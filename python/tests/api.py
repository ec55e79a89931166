"""The FastAPI application of the seed's README, with the GET that its examples ask for."""

import asyncio

from fastapi import FastAPI

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
