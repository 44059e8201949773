"""``poscloud``: all commands."""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from poscloud.cli import (
    _aliases,
    _output,
    access,
    apply,
    check,
    clean,
    cluster,
    cp,
    create,
    db,
    delete,
    delete_all,
    delete_apps,
    destroy,
    doctor,
    drift,
    env,
    errorlogs,
    events,
    exec,
    explain,
    forward,
    graph,
    history,
    image,
    import_,
    init,
    logs,
    mr,
    nodeguard,
    open,
    passphrase,
    passwd,
    preview,
    push_jar,
    reinit_mysql,
    release,
    render,
    report,
    restart,
    rollback,
    rsyncconfig,
    scale,
    schema,
    secret,
    shell,
    state,
    status,
    sweep,
    toolchain,
    top,
    unlock,
    up,
    validate,
    why,
)
from poscloud.local.launch import COLLECT
from poscloud.local.paths import cache_root

app = typer.Typer(
    name="poscloud",
    cls=_aliases.Commands,
    help="Describe a whole Kubernetes environment in one short file, and run it.\n\n"
    "poscloud init dev makes a project in an empty folder; poscloud up -s dev brings its environment up, and so does "
    "plain `pulumi up -s dev`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from poscloud import __version__

        _output.say(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a defect.")] = False,
) -> None:
    """Options of the command line as a whole."""


app.command("init")(init.init)
app.command("up")(up.up)
app.command("apply")(apply.apply)
app.command("create")(create.create)
app.command("delete")(delete.delete)
app.command("delete-apps")(delete_apps.delete_apps)
app.command("delete-all")(delete_all.delete_all)
app.command("status")(status.status)
app.command("logs")(logs.logs)
app.command("why")(why.why)
app.command("error-logs")(errorlogs.error_logs)
app.command("graph")(graph.graph)
app.command("report")(report.report)
app.command("events")(events.events)
app.command("top")(top.top)
app.command("open")(open.open_service)
app.command("preview")(preview.preview)
app.command("destroy")(destroy.destroy)
app.command("drift")(drift.drift)
app.command("scale")(scale.scale)
app.command("import")(import_.import_)
app.command("restart")(restart.restart)
app.command("clean")(clean.clean)
app.command("push-jar")(push_jar.push_jar)
app.command("rollback")(rollback.rollback)
app.command("history")(history.history)
app.command("exec")(exec.run)
app.command("shell")(shell.shell)
app.command("forward")(forward.forward)
app.command("cp")(cp.cp)
app.command("reinit-mysql")(reinit_mysql.reinit_mysql)
app.command("sweep")(sweep.sweep)
app.command("node-guard")(nodeguard.node_guard)
app.command("validate")(validate.validate)
app.command("check")(check.check)
app.command("explain")(explain.explain)
app.command("render")(render.render)
app.command("schema")(schema.schema)
app.command("doctor")(doctor.doctor)
app.command("unlock")(unlock.unlock)
app.command("passwd")(passwd.passwd)
app.command("rsync-config")(rsyncconfig.rsync_config)
app.add_typer(env.app, name="env")
app.add_typer(db.app, name="db")
app.add_typer(state.app, name="state")
app.add_typer(access.app, name="access")
app.add_typer(image.app, name="image")
app.add_typer(mr.app, name="mr")
app.add_typer(release.app, name="release")
app.add_typer(secret.app, name="secret")
app.add_typer(passphrase.app, name="passphrase")
app.add_typer(cluster.app, name="cluster")
app.add_typer(toolchain.app, name="toolchain")

_aliases.add(app)


def main() -> None:
    """Entry point of the command ``poscloud``."""
    gc.set_threshold(COLLECT)
    _output.run(app, lambda: cache_root() / "last-defect.log")
