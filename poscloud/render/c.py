"""A C service: ConfigMaps of its start and its sidecar, Service if it serves, Deployment."""

from __future__ import annotations

from poscloud.render.container import timing
from poscloud.render.context import Context
from poscloud.render.gitsource import (
    PROGRAM_PATH,
    SCRIPT,
    SCRIPT_NAME,
    SCRIPT_PATH,
    git_container,
    git_mount,
    git_volume,
)
from poscloud.render.manifest import Manifest
from poscloud.render.pod import exec_probe
from poscloud.render.service import Application, render_service
from poscloud.spec import CServiceSpec

LOGS_PATH = "/data/log"
START_NAME = "start.sh"
RUNNING_FILE = "/tmp/poscloud-running"
"""Holds the program's process id while it runs and nobody has asked it to stop."""

ENVIRONMENT = {
    "LANG": "en_US.UTF-8",
    "LD_LIBRARY_PATH": "/data/lib:/data/oracle/lib",
    "NLS_LANG": "AMERICAN_AMERICA.AL32UTF8",
    "TNS_ADMIN": "/data/oracle/network/admin",
}
"""As in document 000's base image."""

START = f"""\
#!/bin/bash
# Starts $PROC with the configuration file of $RUNENV, and ends when it ends, with its exit code.
set -u

fail() {{
  echo "start: $*" >&2
  exit 1
}}

cd /data || fail "the image has no folder /data"
mkdir -p bin etc lib log oracle
programs="${{PROGRAM_DIR:-/data/bin}}"
settings="${{PROGRAM_DIR:-/data/etc}}"
case "$RUNENV" in
  test | pre) ini="$PROC.ini.$RUNENV" ;;
  *)
    ini="$PROC.ini"
    [ ! -f "$settings/$ini.$RUNENV" ] || ini="$ini.$RUNENV"
    ;;
esac
[ -f "$programs/$PROC" ] || fail "there is no program $PROC in $programs, only:" $(ls "$programs")
[ -f "$settings/$ini" ] || fail "RUNENV is $RUNENV, but there is no $ini in $settings, only:" $(ls "$settings")
[ "$programs" -ef bin ] || cp "$programs/$PROC" "bin/$PROC" || exit
[ "$settings/$ini" -ef "etc/$PROC.ini" ] || cp "$settings/$ini" "etc/$PROC.ini" || exit
[ -x "bin/$PROC" ] || chmod +x "bin/$PROC" || exit
touch "log/$PROC.log" || exit
cd bin || exit

# The shell stays the first process: the kernel ignores SIGTERM for a first process without a handler of its own.
program=
trap 'interrupted=yes; rm -f {RUNNING_FILE}; [ -z "$program" ] || kill -TERM "$program"' TERM INT
interrupted=
echo "start: $PROC with $ini"
"./$PROC" "../etc/$PROC.ini" &
program=$!
echo "$program" >{RUNNING_FILE}
[ -z "$interrupted" ] || kill -TERM "$program"
while :; do
  interrupted=
  wait "$program"
  code=$?
  [ -n "$interrupted" ] || break # a signal ends wait before the program has ended
done
rm -f {RUNNING_FILE}
echo "start: $PROC ended with $code"
exit "$code"
"""

_RUNS = f'kill -0 "$(cat {RUNNING_FILE})"'


def render_c_service(context: Context, name: str, spec: CServiceSpec) -> list[Manifest]:
    """Return the manifests of one C service, in the order they are made."""
    env = {"PROC": spec.program(name), "RUNENV": spec.runenv, **ENVIRONMENT}
    config = {START_NAME: START}
    if spec.git:
        env["PROGRAM_DIR"] = f"{PROGRAM_PATH}/files"
        config[SCRIPT_NAME] = SCRIPT
        if not spec.image:
            image = f"{context.environment.registry}/base_c:{spec.version}"
            spec = spec.model_copy(update={"image": image})
    application = Application(
        kind="c-service",
        logs_path=LOGS_PATH,
        env=env,
        command=("/bin/bash", f"{SCRIPT_PATH}/{START_NAME}"),
        config=config,
        config_path=SCRIPT_PATH,
        mounts=(git_mount(),) if spec.git else (),
        volumes=(git_volume(spec.git),) if spec.git else (),
        init_containers=(git_container(context, spec.git, spec.pull_policy),) if spec.git else (),
        # A program that ends takes its container with it: without a port there is no liveness to ask for.
        probes=None if spec.port else {"readinessProbe": exec_probe(_RUNS, **timing(spec.probes))},
    )
    return render_service(context, name, spec, application)
