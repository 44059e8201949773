"""``poscloud cluster``."""

from __future__ import annotations

from typing import Annotated

import typer

from poscloud.cli import _output
from poscloud.cli._options import Json, root
from poscloud.cli.cluster_images import images as show_images

app = typer.Typer(help="The local control plane.", no_args_is_help=True)
app.command("images")(show_images)


@app.command("up")
def up(
    port: Annotated[int | None, typer.Option("--port", help="Port of the API server.")] = None,
    nodes: Annotated[
        str | None,
        typer.Option(
            "--nodes",
            help="Kind of nodes: kwok[=N] (simulated), real[=N] (containers; needs root), or real=N,kwok=M; "
            "by default as before, at first kwok.",
        ),
    ] = None,
    run_commands: Annotated[
        bool | None,
        typer.Option(
            "--run-commands/--no-run-commands",
            help="Whether `exec` and `shell` in simulated containers run their command, on this machine; at first not.",
        ),
    ] = None,
) -> None:
    """Start what is missing of the local control plane.

    Example: poscloud cluster up
    """
    from poscloud.engine import deploy
    from poscloud.local.controlplane import ControlPlane
    from poscloud.local.nodes import node_kind
    from poscloud.local.paths import ProjectPaths
    from poscloud.local.progress import ConsoleReporter

    paths = ProjectPaths(root())
    kind = node_kind(nodes) if nodes else None
    if kind:
        kind.require(paths)  # before minutes are spent on a toolchain
    reporter = ConsoleReporter()
    deploy.install(paths.root, reporter)
    ControlPlane(paths).up(reporter, kind, port, run_commands)


@app.command("down")
def down(
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove its data too, and forget the stacks deployed to it.")
    ] = False,
) -> None:
    """Stop the local control plane; its data is kept unless --delete.

    Example: poscloud cluster down
    """
    from poscloud.engine.localstate import forget_local_stacks
    from poscloud.local.controlplane import ControlPlane
    from poscloud.local.paths import ProjectPaths
    from poscloud.local.progress import ConsoleReporter

    paths = ProjectPaths(root())
    plane = ControlPlane(paths)
    uid = plane.status().uid
    plane.down(ConsoleReporter(), delete=delete)
    if delete:
        for stack in forget_local_stacks(paths, uid):
            _output.tell(f"forgot stack {stack}, which lived on the removed cluster")


@app.command("status")
def status(json: Json = False) -> None:
    """Show each component: running, process, memory, log.

    Example: poscloud cluster status
    """
    from poscloud.local.controlplane import ControlPlane
    from poscloud.local.nodeimages.report import summary
    from poscloud.local.paths import ProjectPaths

    project = root()
    found = ControlPlane(ProjectPaths(project)).status()
    images = summary(project) if found.kind.startswith("real") else ""
    if json:
        components = [
            {
                "name": c.name,
                "running": c.running,
                "pid": c.pid,
                "uptime": c.uptime,
                "memory": c.memory,
                "log": str(c.log),
                "note": c.note,
            }
            for c in found.components
        ]
        _output.write_json(
            {"state": found.state, "server": found.server, "uid": found.uid, "kind": found.kind, "nodes": found.nodes,
             "nodes_ready": found.nodes_ready, "images": images or None, "components": components}
        )  # fmt: skip
        return
    _output.say(
        f"{found.state}  {found.server}  uid {found.uid or '-'}  nodes {found.nodes_ready}/{found.nodes} ready"
        + (f" ({found.kind})" if found.kind else "")
    )
    if images:
        _output.say(f"{images} (poscloud cluster images)")
    notes = any(c.note for c in found.components)
    rows = [["COMPONENT", "PID", "UPTIME", "MEMORY", "LOG", *(["NOTE"] if notes else [])]]
    for c in found.components:
        rows.append(
            [
                c.name,
                str(c.pid or "-"),
                f"{c.uptime:.0f} s",
                f"{c.memory / 2**20:.0f} MiB",
                str(c.log),
                *([c.note] if notes else []),
            ]
        )
    _output.table(rows)


@app.command("logs")
def logs(
    component: Annotated[str, typer.Argument(help="etcd, kube-apiserver, …, or audit.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.")] = 100,
) -> None:
    """Print a component's log.

    Example: poscloud cluster logs kube-scheduler -f
    """
    from poscloud.local.controlplane import ControlPlane
    from poscloud.local.paths import ProjectPaths

    for line in ControlPlane(ProjectPaths(root())).logs(component, follow=follow, lines=lines):
        _output.say(line.rstrip("\n"))
