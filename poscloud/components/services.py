"""Components of services."""

from __future__ import annotations

from poscloud.components.part import Part
from poscloud.spec import JavaServiceSpec, WebAppSpec


class JavaService(Part[JavaServiceSpec], kind="java"):
    """A Spring Cloud service: ConfigMap of its log shipping, Service, Deployment."""


class WebApp(Part[WebAppSpec], kind="webapp"):
    """A web application in Tomcat."""
