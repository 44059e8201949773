"""Components of services."""

from __future__ import annotations

from poscloud.components.part import Part
from poscloud.spec import JavaServiceSpec, PythonServiceSpec, WebAppSpec


class JavaService(Part[JavaServiceSpec], kind="java"):
    """A Spring Cloud service: ConfigMap of its log shipping, Service, Deployment."""


class PythonService(Part[PythonServiceSpec], kind="python"):
    """A Django, Flask or Celery program: ConfigMap of its log shipping, Service if it serves, Deployment."""


class WebApp(Part[WebAppSpec], kind="webapp"):
    """A web application in Tomcat."""
