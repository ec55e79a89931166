"""An API whose responses may be cached, on FastAPI; it counts what it is asked."""

import os
import time
from collections import Counter

from fastapi import FastAPI, Request, Response
from starlette.staticfiles import StaticFiles

app = FastAPI()
asked = Counter()


@app.middleware("http")
async def count(request: Request, call_next):
    path = request.url.path
    if path != "/asked":
        asked[path] += 1
        asked[f"{path} {request.headers.get('if-none-match', '-')}"] += 1
    return await call_next(request)


@app.get("/asked")
def counts():
    return asked


@app.get("/fresh/{name}")
def fresh(name: str, response: Response):
    response.headers["Cache-Control"] = "max-age=600"
    return {"name": name, "asked": asked[f"/fresh/{name}"]}


@app.get("/tagged/{name}")
def tagged(name: str, request: Request):
    headers = {"ETag": f'"{name}"', "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(f'{{"name": "{name}"}}', headers=headers, media_type="application/json")


@app.get("/varies")
def varies(request: Request, response: Response):
    response.headers.update({"Cache-Control": "max-age=600", "Vary": "X-Language"})
    return {"language": request.headers.get("x-language")}


@app.post("/slow/{name}")
def slow(name: str):
    time.sleep(0.05)
    return {"name": name, "asked": asked[f"/slow/{name}"]}


@app.get("/links/{number}")
def links(number: int):
    """A page of a site in which each leads to three others, and back to the first."""
    return {"links": [0, *((number * 3 + step) % 40 for step in (1, 2, 3))]}


app.mount("/static", StaticFiles(directory=os.environ["PATATA_TEST_STATIC"]))
