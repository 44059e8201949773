"""Making a report: what is described, what a check finds, and what the cluster tells where it answers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from poscloud.engine.description import Description, describe
from poscloud.engine.preflight.cluster import cluster_findings, live_of, target_of
from poscloud.engine.preflight.report import offline_findings
from poscloud.engine.report.described import add_findings, mask_again, report_of
from poscloud.engine.report.live import add_nodes, add_state
from poscloud.engine.report.masking import Masker
from poscloud.engine.report.model import Report
from poscloud.engine.stackconfig import project_name
from poscloud.errors import PosCloudError
from poscloud.local.versions import pinned
from poscloud.render.preflight.versions import parse_version
from poscloud.spec.references import Finding


def make_report(root: Path, stack: str, *, cluster: bool, now: datetime | None = None) -> Report:
    """Find out what a report of an environment tells; nothing is written, and no engine is started.

    Args:
        root: The project's folder.
        stack: The environment.
        cluster: Whether the cluster that the stack goes to is asked. One that does not answer is a note in the report.
        now: The time.

    Raises:
        StackNotFoundError: There is no such environment.
        InputError: Its description is wrong, so that there is nothing to show.
    """
    description = describe(root, stack, project_name(root))
    masker = Masker([stack, *(word for part in description.parts for word in (part.name, part.kind))])
    report = report_of(description, masker, now or datetime.now(UTC))
    findings: list[Finding] = []
    version = ""
    if cluster:
        findings, version = _ask(root, stack, description, report, masker)
    mask_again(report, masker)
    target = parse_version(version) or parse_version(pinned("kubernetes")) or (1, 0)
    offline, unread = offline_findings(root, stack, description, target)
    add_findings(report, [*offline, *findings], description, masker)
    report.notes = [masker.text(note) for note in (*unread, *report.notes)]
    return report


def _ask(
    root: Path, stack: str, description: Description, report: Report, masker: Masker
) -> tuple[list[Finding], str]:
    """Enter what the cluster tells; return what a check finds there, and the cluster's version."""
    findings: list[Finding] = []
    version = ""
    try:
        live = live_of(root, stack, description)
        version = live.version
        target = target_of(root, stack)
        report.cluster = f"{'local cluster' if target.local else target.context}, Kubernetes {version}"
        findings, notes = cluster_findings(description, live)
        report.notes += notes
        add_nodes(report, live)
        add_state(report, root, target, masker)
    except PosCloudError as error:
        report.notes.append(f"the cluster could not be asked: {error.message}")
    return findings, version
