"""Carts: what is in them is in Redis, what it costs in MySQL."""

import logging
import os

import pymysql
import redis
from flask import Flask, Response, jsonify

app = Flask(__name__)
store = redis.Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"), decode_responses=True)
logging.basicConfig(
    filename=os.path.join(os.environ.get("LOG_DIR", "."), "app.log"),
    format="[%(asctime)s.%(msecs)03d] %(levelname)s cart - %(message)s",
    datefmt="%Y-%m-%d %H:%M:%S",
    level=logging.INFO,
)


@app.get("/health")
def health() -> Response:
    """Say that this process answers."""
    return jsonify(status="UP")


@app.post("/carts/<int:account>/<item>")
def add(account: int, item: str) -> Response:
    """Put one item into the cart of an account."""
    price = price_of(item)
    count = store.hincrby(f"cart:{account}", item, 1)
    app.logger.info("account %d takes %s", account, item)
    return jsonify(price=price, count=count)


@app.get("/carts/<int:account>")
def show(account: int) -> Response:
    """Return what is in the cart of an account."""
    return jsonify(store.hgetall(f"cart:{account}"))


def price_of(item: str) -> int:
    """Return the price of an item; an unknown one is a mistake of the caller's that is logged with its trace."""
    place = os.environ
    connection = pymysql.connect(
        host=place["MYSQL_HOST"],
        port=int(place["MYSQL_PORT"]),
        user=place["MYSQL_USERNAME"],
        password=place["MYSQL_PASSWORD"],
        database=place["MYSQL_DATABASE"],
        connect_timeout=5,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT price FROM item WHERE name = %s", [item])
        (price,) = cursor.fetchone() or (None,)
    if price is None:
        raise LookupError(f"there is no item {item}")
    return price
