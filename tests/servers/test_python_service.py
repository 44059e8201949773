"""The commands of Python services and of a subsystem, run: Django, gunicorn, Celery and beat, with a real Redis."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from poscloud.spec import EnvironmentSpec
from tests.servers.debian import packages
from tests.servers.rendered import Program, program
from tests.servers.running import accepts, free_port, running, wait_until
from tests.servers.virtualenv import virtualenv

pytestmark = pytest.mark.servers

PROJECTS = Path(__file__).parent / "python"
PACKAGES = ("django", "flask", "gunicorn", "gevent", "eventlet", "celery[redis]", "redis", "packaging")
# What gunicorn and kombu import of `packaging` they do not always ask for.


@dataclass(frozen=True)
class Redis:
    """A running Redis."""

    port: int
    client: list[str]
    env: dict[str, str]

    def ask(self, *words: str) -> str:
        return subprocess.run(
            [*self.client, *words], env=self.env, capture_output=True, text=True, check=True
        ).stdout.strip()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    debian, port = packages("redis-server"), free_port()
    client = [str(debian.program("redis-cli")), "-p", str(port)]
    server = [debian.program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    log = tmp_path / "redis.log"
    with running(server, log, lambda: accepts(port), env=debian.environment, cwd=tmp_path):
        yield Redis(port, client, debian.environment)


@dataclass
class Place:
    """A machine that looks like the service's container: the project with its virtual environment."""

    folder: Path
    redis: Redis

    def project(self, name: str) -> Path:
        target = self.folder / "work" / name
        if not target.exists():
            shutil.copytree(PROJECTS / name, target)
            (target / ".venv").symlink_to(virtualenv(*PACKAGES))
        return target

    def program(self, service: str, part: dict[str, Any], project: str, **replace: str) -> Program:
        """Return what the manifest of ``service`` has its container run."""
        (self.folder / "logs").mkdir()
        spec = environment({service: {"kind": "python", "uses": ["redis"], "git_repo_name": project, **part}})
        known = {**self.replaced(project), "/data/home/logs": f"{self.folder}/logs"}
        return program(spec, service, {**known, **replace})

    def replaced(self, project: str) -> dict[str, str]:
        """Return what a container has and this place has elsewhere: the project and Redis."""
        return {
            f"/data/home/work/{project}/": f"{self.project(project)}/",
            "redis.test.svc.cluster.local:6379": f"127.0.0.1:{self.redis.port}",
        }

    @contextmanager
    def running(self, rendered: Program, ready: Any) -> Iterator[subprocess.Popen[bytes]]:
        with running(rendered.command, self.log, ready, env=rendered.env, cwd=self.folder) as process:
            yield process

    @property
    def log(self) -> Path:
        return self.folder / "stdout.log"


@pytest.fixture
def place(tmp_path: Path, redis: Redis) -> Place:
    return Place(tmp_path, redis)


def environment(services: dict[str, Any]) -> EnvironmentSpec:
    data = {"name": "test", "backing": {"redis": {"kind": "redis"}}, "services": services}
    return EnvironmentSpec.model_validate(data)


def get(port: int, path: str = "/") -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return str(answer.read().decode())


def answers(port: int) -> bool:
    try:
        return bool(get(port))
    except OSError:
        return False


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask the container's first process, and only it, to stop, as the kubelet does."""
    os.kill(process.pid, signal.SIGTERM)
    return process.wait(timeout=30)


def gone(session: int) -> bool:
    """Whether no process of a session is left."""
    for process in filter(lambda p: p.name.isdecimal(), Path("/proc").iterdir()):
        with suppress(ProcessLookupError):
            if os.getsid(int(process.name)) == session:
                return False
    return True


def test_django_serves_with_the_settings_that_make_docker_config_wrote_and_ends_when_asked(
    place: Place,
) -> None:
    port = free_port()
    part = {"port": 19010, "django": {}, "docker_config": True, "django_settings": "hydra.settings"}
    rendered = place.program("hydra", part, "hydra", **{"0.0.0.0:19010": f"127.0.0.1:{port}"})
    with place.running(rendered, lambda: answers(port)) as process:
        assert get(port).startswith("hydra ")
        assert stop(process) == 128 + signal.SIGTERM
        wait_until(lambda: gone(process.pid), "the end of all its processes")


def test_a_make_target_as_run_cmd_serves_and_ends_when_asked(place: Place) -> None:
    port = free_port()
    part = {"run_cmd": f"make start_test PORT={port}", "django_settings": "hydra.settings"}
    rendered = place.program("hydra", part, "hydra")
    with place.running(rendered, lambda: answers(port)) as process:
        stop(process)
        wait_until(lambda: gone(process.pid), "the end of all its processes")


@pytest.mark.parametrize(
    "run_cmd", ["python3 sleeper.py | cat", "python3 sleeper.py; echo end", "make start_sleeper"]
)
def test_a_program_behind_a_shell_is_asked_to_stop_and_waited_for(place: Place, run_cmd: str) -> None:
    rendered = place.program("hydra", {"run_cmd": run_cmd}, "hydra")
    project = place.project("hydra")
    with place.running(rendered, (project / "started").exists) as process:
        stop(process)
        assert (project / "stopped").exists()
        assert gone(process.pid)
    assert "end\n" not in place.log.read_text()


def test_a_worker_that_make_started_behind_a_shell_ends_its_task_first(place: Place) -> None:
    rendered = place.program("hydra", {"run_cmd": "make start_worker"}, "hydra")
    python = place.project("hydra") / ".venv" / "bin" / "python"
    started, go_on = place.folder / "started", place.folder / "go-on"
    script = f"from async_tasks import *; slow.apply_async(({str(started)!r}, {str(go_on)!r}), queue='hydra')"
    with place.running(rendered, lambda: "ready." in place.log.read_text()) as process:
        subprocess.run([python, "-c", script], env=rendered.env, cwd=python.parents[2], check=True)
        wait_until(started.exists, "the slow task")
        os.kill(process.pid, signal.SIGTERM)
        wait_until(lambda: "Warm shutdown" in place.log.read_text(), "the worker's end")
        go_on.touch()
        process.wait(timeout=30)
        assert gone(process.pid)
    printed = place.log.read_text()
    assert "succeeded in" in printed and "WorkerLostError" not in printed


def test_gunicorn_serves_at_the_services_port_and_ends_its_requests_first(place: Place) -> None:
    port = free_port()
    part = {"gunicorn": {"app": "yin.app:app", "config": "gunicorn_dev.py"}, "log_file": True}
    rendered = place.program("yin", part, "yin", **{"0.0.0.0:8080": f"127.0.0.1:{port}"})
    with place.running(rendered, lambda: answers(port)) as process, ThreadPoolExecutor(1) as pool:
        assert get(port).startswith("yin ")
        slow = pool.submit(get, port, "/slow")
        wait_until(lambda: place.redis.ask("get", "slow") == "begun", "the slow request")
        os.kill(process.pid, signal.SIGTERM)
        wait_until(lambda: "Handling signal: term" in place.log.read_text(), "gunicorn's end")
        place.redis.ask("set", "slow", "go on")
        assert slow.result() == "finished"
        assert process.wait(timeout=30) == 0
        wait_until(lambda: gone(process.pid), "the end of all its processes")
    printed = place.log.read_text()
    assert '"GET / HTTP/1.1" 200' in printed and "Shutting down: Master" in printed
    assert (place.folder / "logs" / "yin.log").read_text() == printed


@pytest.mark.parametrize("pool", ["prefork", "eventlet", "gevent"])
def test_a_worker_does_the_tasks_of_its_queues_and_ends_the_last_one_first(place: Place, pool: str) -> None:
    worker = {
        "app": "async_tasks",
        "queues": ["hydra", "hydra_loan_notify", "hydra_repay_notify"],
        "pool": pool,
        "concurrency": 2 if pool == "prefork" else 200,
        "heartbeat": False,
    }
    rendered = place.program("hydra-upload", {"celery": worker}, "hydra")
    probe = rendered.container["startupProbe"]["exec"]["command"]

    def ready() -> bool:
        return subprocess.run(probe, env=rendered.env, capture_output=True, timeout=30).returncode == 0

    def client(script: str) -> str:
        python = place.folder / "work" / "hydra" / ".venv" / "bin" / "python"
        done = subprocess.run(
            [python, "-c", f"from async_tasks import *\n{script}"],
            env=rendered.env, cwd=python.parents[2], capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert not ready()
    with place.running(rendered, ready) as process:
        assert client("print(add.apply_async((2, 3), queue='hydra_repay_notify').get(timeout=30))") == "5"
        client("add.apply_async((2, 3), queue='of_others')")
        started, go_on = place.folder / "started", place.folder / "go-on"
        task = client(f"print(slow.apply_async(({str(started)!r}, {str(go_on)!r})).id)")
        wait_until(started.exists, "the slow task")
        os.kill(process.pid, signal.SIGTERM)
        wait_until(lambda: "Warm shutdown" in place.log.read_text(), "the worker's end")
        go_on.touch()
        assert process.wait(timeout=30) == 0
        wait_until(lambda: gone(process.pid), "the end of all its processes")
        assert client(f"print(app.AsyncResult({task!r}).get(timeout=5))") == "finished"
        assert place.redis.ask("llen", "of_others") == "1"
        assert "hydra-upload@" in place.log.read_text()


def test_beat_sends_what_is_due_and_ends_when_asked(place: Place) -> None:
    schedule = place.folder / "schedule"
    replace = {"/tmp/celerybeat-schedule": str(schedule)}
    rendered = place.program("hydra-beat", {"beat": {"app": "async_tasks"}}, "hydra", **replace)

    def ticks() -> int:
        return int(place.redis.ask("llen", "ticks"))

    with place.running(rendered, lambda: ticks() > 1) as process:
        assert stop(process) == 0
        wait_until(lambda: gone(process.pid), "the end of all its processes")
    assert not list((place.folder / "work" / "hydra").glob("*.pid"))


def test_the_containers_of_a_subsystem_reach_each_other_at_127_0_0_1_and_stop_one_by_one(
    place: Place,
) -> None:
    django, gunicorn = free_port(), free_port()
    hydra = {"django": {}, "docker_config": True, "django_settings": "hydra.settings"}
    worker = {
        "git_repo_name": "hydra",
        "celery": {"app": "async_tasks", "queues": ["hydra"], "concurrency": 1},
    }
    containers = {
        "hydra": {
            "ports": {"http": django},
            "python": hydra,
            "env": {"YIN_URL": f"http://127.0.0.1:{gunicorn}"},
        },
        "yin": {"ports": {"yin": gunicorn}, "python": {"gunicorn": {"app": "yin.app:app"}}},
        "first": {"python": worker},
        "second": {"python": worker},
    }
    spec = environment({"loan": {"kind": "subsystem", "uses": ["redis"], "containers": containers}})
    pod = {
        name: program(spec, "loan", place.replaced("yin" if name == "yin" else "hydra"), name)
        for name in containers
    }

    def probed(name: str) -> bool:
        probe = pod[name].container["startupProbe"]["exec"]["command"]
        return subprocess.run(probe, env=pod[name].env, capture_output=True, timeout=30).returncode == 0

    ready: dict[str, Callable[[], bool]] = {
        "yin": lambda: answers(gunicorn),
        "hydra": lambda: answers(django),
        "first": lambda: probed("first"),
        "second": lambda: probed("second"),
    }
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                running(pod[name].command, place.folder / f"{name}.log", is_ready, env=pod[name].env)
            )
            for name, is_ready in ready.items()
        ]
        assert get(django, "/yin").startswith("hydra asked yin ")
        assert [stop(process) for process in reversed(started)] == [0, 0, 128 + signal.SIGTERM, 0]
