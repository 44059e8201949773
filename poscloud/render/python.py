"""A Python service: ConfigMap of its sidecar, Service, Deployment."""

from __future__ import annotations

import shlex

from poscloud.render.container import tcp_probes
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest
from poscloud.render.service import Application, render_service
from poscloud.spec import PythonRun, PythonServiceSpec

WORKER_GRACE_PERIOD = 300
GRACE_PERIOD = 40
"""gunicorn gives its requests 30 s of its own; Kubernetes kills at 30 s unless told otherwise."""

_PROJECT = 'cd "$RUN_CMD_DIR" || exit\nexport PATH="$PWD/.venv/bin:$PATH"\n'
"""Where everything runs: in the project, with its virtual environment where there is one."""

_START = """\
run() {
  set -m # a process group of its own, which shows whether something is left
  bash -c "$1" &
  set +m
  program=$!
  [ -z "$stopping" ] || stop
  wait "$program"
  while kill -0 "$program" 2>/dev/null; do wait "$program"; done
  wait "$program"
  local ended=$?
  while [ -n "$stopping" ] && kill -0 -- "-$program" 2>/dev/null; do sleep 0.1; done
  return "$ended"
}

# Prints whom to ask to stop: $1, unless its parent does that ($2), and what a shell or make has started.
whom() {
  local kind stat line parent
  kind=$(readlink "/proc/$1/exe")
  [ -n "$2" ] || echo "$1"
  case "${kind##*/}" in
    bash | sh | dash | ash | busybox) set -- "$1" "" ;;
    make | gmake) set -- "$1" yes ;;
    *) return ;;
  esac
  for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    read -r _ parent _ <<<"${line##*) }"
    stat=${stat%/stat}
    [ "$parent" != "$1" ] || whom "${stat##*/}" "$2"
  done
}
stop() {
  stopping=yes
  [ -z "$program" ] || kill -TERM $(whom "$program") 2>/dev/null
}
stopping=
program=
trap stop TERM INT
if [ -n "$INI_CMD" ]; then run "$INI_CMD" || exit; fi
"""
"""Runs a command, hands on the signal to stop, and waits for all that the command has started.

The shell stays the container's first process on purpose: the kernel ignores SIGTERM for a first process without a
handler of its own, such as ``manage.py runserver --noreload``, which would then be killed after the grace period. The
loop is there because a signal ends ``wait`` before the program has ended.

A shell that waits for a program dies of SIGTERM and leaves the program running, so the signal goes to what shells have
started, at every depth. It does not go to the whole process group: the processes of a Celery pool die of it, and their
tasks are lost, while Celery's first process lets them end. make hands it on to its own children, but not further.
"""

_RUN = 'run "$RUN_CMD"\n'

_RUN_WITH_LOG = """\
exec 3>&1 > >(trap '' TERM INT; exec tee -a "$LOG_DIR/$LOG_NAME.log" >&3) 2>&1
tee=$!
run "$RUN_CMD"
status=$?
exec >&3 2>&3
wait "$tee"
exit "$status"
"""
"""The same, with what it prints in a file as well; waits until the last line is written."""


def render_python_service(context: Context, name: str, spec: PythonServiceSpec) -> list[Manifest]:
    """Return the manifests of one Python service, in the order they are made."""
    env = run_variables(name, spec, spec.port, spec.cores()) | {"LOG_DIR": spec.logs_path}
    if spec.log_file:
        env["LOG_NAME"] = name
    grace_period = WORKER_GRACE_PERIOD if spec.celery else GRACE_PERIOD
    application = Application(
        kind="python-service",
        image_name=spec.repository(name),
        logs_path=spec.logs_path,
        env=env,
        command=run_command(spec, log_file=spec.log_file),
        probes=tcp_probes(spec.port, spec.probes) if spec.port else worker_probes(name, spec),
        grace_period=grace_period if spec.grace_period is None else spec.grace_period,
        recreate=spec.beat is not None,
    )
    return render_service(context, name, spec, application)


def run_variables(name: str, run: PythonRun, port: int | None, cores: int | None) -> dict[str, str]:
    """Return the variables that say what a container runs, as the start script of the s2i image reads them."""
    env = {
        "GIT_REPO_NAME": run.repository(name),
        "INI_CMD": run.init_command(),
        "RUN_CMD": run.run_command(name, port, cores),
        "RUN_CMD_DIR": run.folder(name),
        "PYTHONUNBUFFERED": "1",  # a line that is printed is a line that is logged
    }
    return env | ({"DJANGO_SETTINGS_MODULE": run.django_settings} if run.django_settings else {})


def run_command(run: PythonRun, *, log_file: bool = False) -> tuple[str, ...]:
    """Return the container's command; empty where the image's own start script does it."""
    if run.entrypoint == "image":
        return ()
    return ("bash", "-c", _PROJECT + _START + (_RUN_WITH_LOG if log_file else _RUN))


def worker_probes(name: str, run: PythonRun) -> dict[str, Manifest]:
    """Return the probes of a program without a port: a Celery worker has begun when it answers, once.

    Not asked again: each ``inspect ping`` loads the whole application, gets no answer from a worker whose pool is at
    work in its only thread, and fails for all workers at once when the broker is away, which restarting them does not
    mend. A process that has ended is restarted without any probe. Beat has nothing that could be asked.
    """
    if run.celery is None:
        return {}
    node = run.celery.node(name).replace("%h", "$HOSTNAME")
    script = f'{_PROJECT}celery -A {shlex.quote(run.celery.app)} inspect ping -t 5 -d "{node}"'
    probe = {"exec": {"command": ["bash", "-c", script]}}
    return {"startupProbe": {**probe, "periodSeconds": 10, "timeoutSeconds": 30, "failureThreshold": 60}}
