"""A Flask application that asks Redis."""

import os
import time

import redis
from flask import Flask

app = Flask(__name__)
store = redis.Redis.from_url(os.environ["REDIS_URL"])


@app.get("/")
def index() -> str:
    return f"yin {store.incr('visits')}"


@app.get("/slow")
def slow() -> str:
    """Answer when Redis has been told to."""
    store.set("slow", "begun")
    while store.get("slow") != b"go on":
        time.sleep(0.05)
    return "finished"
