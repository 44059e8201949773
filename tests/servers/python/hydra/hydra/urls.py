"""A page that counts its visitors in Redis, and one that asks the neighbour in the pod."""

import os
import urllib.request

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import path


def index(request: HttpRequest) -> HttpResponse:
    cache.add("visits", 0)
    return HttpResponse(f"hydra {cache.incr('visits')}")


def yin(request: HttpRequest) -> HttpResponse:
    with urllib.request.urlopen(os.environ["YIN_URL"], timeout=30) as answer:
        return HttpResponse(b"hydra asked " + answer.read())


urlpatterns = [path("", index), path("yin", yin)]
