"""One page, which counts its visitors in Redis."""

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import path


def index(request: HttpRequest) -> HttpResponse:
    cache.add("visits", 0)
    return HttpResponse(f"hydra {cache.incr('visits')}")


urlpatterns = [path("", index)]
