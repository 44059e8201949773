"""Which items there are, mails for orders, and a page that fails."""

from celery import Celery
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path

broker = Celery("shop", broker=settings.BROKER_URL)


def health(request: HttpRequest) -> JsonResponse:
    """Say that this process answers."""
    return JsonResponse({"status": "UP"})


def items(request: HttpRequest) -> JsonResponse:
    """Return all items with their prices, in the order in which they were entered."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, price FROM item ORDER BY number")
        return JsonResponse({"items": [{"name": name, "price": price} for name, price in cursor.fetchall()]})


def mail(request: HttpRequest, number: int) -> JsonResponse:
    """Ask the mailer for the confirmation of an order."""
    task = broker.send_task("mailer.confirm", [number], queue="mail")
    return JsonResponse({"task": task.id})


def fail(request: HttpRequest) -> JsonResponse:
    """Fail, so that a trace is logged."""
    raise RuntimeError(f"asked to fail: {request.GET.get('why', '')}")


urlpatterns = [
    path("shop/health", health),
    path("shop/items", items),
    path("shop/mails/<int:number>", mail),
    path("shop/fail", fail),
]
