"""Tasks, and a schedule."""

import os
import time

from celery import Celery

app = Celery("hydra", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.task_default_queue = "hydra"
app.conf.broker_connection_retry_on_startup = True
app.conf.beat_schedule = {"tick": {"task": "hydra.tick", "schedule": 0.2, "options": {"queue": "ticks"}}}


@app.task(name="hydra.add")
def add(x: int, y: int) -> int:
    return x + y


@app.task(name="hydra.slow")
def slow(started: str, go_on: str) -> str:
    """Say in a file that it has started, and end when another one is there."""
    open(started, "w").close()
    while not os.path.exists(go_on):
        time.sleep(0.05)
    return "finished"
