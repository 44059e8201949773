"""Up, preview, destroy: prepare everything, run the engine, check the result."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poscloud.cluster.target import Target, resolve
from poscloud.components.choice import VARIABLE
from poscloud.engine import archive, inventory, leftovers, teardown, unrecorded
from poscloud.engine.access.told import refuse_rights
from poscloud.engine.access.told import tell as tell_access
from poscloud.engine.asking import agreed
from poscloud.engine.claims import Claims
from poscloud.engine.description import check_versions, describe, load_checked
from poscloud.engine.environments.activity import begin, namespace_of, note_activity
from poscloud.engine.environments.listing import annotation
from poscloud.engine.environments.sleep import rouse, until_ready
from poscloud.engine.fence import refuse_taken
from poscloud.engine.interrupt import INTERRUPTED
from poscloud.engine.known import refuse_unknown
from poscloud.engine.kubectl import Kubectl, UnansweredError
from poscloud.engine.localstate import recorded_cluster
from poscloud.engine.manual import around
from poscloud.engine.mergerequest.publish import publish_after_up
from poscloud.engine.nodeimages import prepare_images
from poscloud.engine.passwords import make_passwords
from poscloud.engine.progress.follow import Show, showing
from poscloud.engine.progress.removal import removal
from poscloud.engine.progress.run import Run
from poscloud.engine.pulumi import Pulumi
from poscloud.engine.recovery import REFRESH, is_built_in, recover, resume
from poscloud.engine.roomwatch import watching
from poscloud.engine.stackconfig import (
    StackConfig,
    project_name,
    read_stack_config,
    refuse_missing_virtualenv,
)
from poscloud.engine.start import check_start
from poscloud.engine.statefile import is_empty, refuse_damaged, state_file
from poscloud.errors import AuthError, DeployError, PosCloudError
from poscloud.load import load_environment
from poscloud.local.environment import write_activate
from poscloud.local.paths import ProjectPaths
from poscloud.local.progress import Reporter
from poscloud.render.names import ASLEEP_ANNOTATION
from poscloud.render.needs import cluster_needs
from poscloud.spec import EnvironmentSpec

GONE_SECONDS = 30.0
"""How long volumes may take to disappear after their namespace."""

ADOPTS = "adopt: a namespace {} that is nobody's becomes this stack's; destroy then deletes it with all that is in it"


@dataclass(frozen=True)
class Prepared:
    """A stack that the engine can be run on.

    Attributes:
        pulumi: The engine.
        target: The cluster the stack goes to.
        stack: Its name.
    """

    pulumi: Pulumi
    target: Target
    stack: str

    @property
    def kubectl(self) -> Kubectl:
        """Questions to its cluster."""
        return Kubectl(self.target, self.pulumi.environment)

    @property
    def unsure(self) -> bool:
        """Whether its state may not tell what is there, because a run was killed."""
        return unrecorded.is_marked(self.pulumi.paths, self.stack)


def install(root: Path, reporter: Reporter) -> None:
    """Install the toolchain and the provider; does only what is left to do.

    Raises:
        DeployError: Something cannot be had.
    """
    import sys

    from poscloud.local.pythoncommand import write_python_command
    from poscloud.local.toolchain import ensure_toolchain
    from poscloud.provider.install import install as install_provider
    from poscloud.provider.install import sdk_version

    refuse_missing_virtualenv(root)
    paths = ProjectPaths(root)
    toolchain = ensure_toolchain(paths, reporter)
    write_python_command(paths, built_here=toolchain.part("pulumi").way == "build")
    install_provider(paths.pulumi_home, Path(sys.executable), sdk_version())
    write_activate(paths)


def prepare(
    root: Path,
    stack: str,
    reporter: Reporter,
    *,
    pin: bool = False,
    spec: EnvironmentSpec | None = None,
    only_look: bool = False,
) -> Prepared:
    """Make everything ready that the engine needs.

    Args:
        root: The project's folder.
        stack: The environment.
        reporter: Shows progress.
        pin: Pin a named context to the cluster it leads to, if the stack is not pinned yet.
        spec: The environment's description; the local cluster then gets the nodes and storage classes it asks for.
        only_look: Nothing will be written, so a pinned cluster need not answer; the provider warns that it does not.

    Raises:
        PosCloudError: Something cannot be made ready.
    """
    config = read_stack_config(root, stack)
    if config.context:
        resolve(root, config.context, config.cluster)  # one that is not there is told before anything is made
    install(root, reporter)
    if not config.context:
        from poscloud.local.controlplane import ControlPlane

        control_plane = ControlPlane(ProjectPaths(root))
        control_plane.up(reporter)
        if spec:
            needs = cluster_needs(spec)
            control_plane.stand_in(needs.selectors, needs.storage_classes)
    pulumi = Pulumi(root, config.context)
    for name in (unrecorded.SKIP_CHECKPOINTS, VARIABLE):  # whatever the shell has
        pulumi.environment.pop(name, None)
    if not only_look:
        recover(pulumi, stack, reporter)
    pulumi.ensure_stack(stack)
    try:
        target = checked_target(root, stack, config, pulumi.environment)
    except UnansweredError:
        if not (only_look and config.cluster):
            raise
        target = resolve(root, config.context, config.cluster)
    if pin and not config.cluster and not target.local:
        pulumi.set_config(stack, "poscloud:cluster", target.uid)
    reporter.note(f"stack {stack} goes to {target}")
    return Prepared(pulumi, target, stack)


def checked_target(root: Path, stack: str, config: StackConfig, environment: dict[str, str]) -> Target:
    """Return the cluster a stack goes to, with its uid; for a named context the cluster itself is asked.

    Raises:
        DeployError: The context now leads to another cluster than the pinned one, or the cluster has no uid.
    """
    target = resolve(root, config.context, config.cluster)
    if target.local:
        return target
    found = Kubectl(target, environment).cluster_uid()
    if not found:
        raise DeployError(f"{target} does not tell which cluster it is: it has no namespace kube-system")
    # Without its pin, what the state remembers decides: a pin that was taken out is no reason to move.
    expected = config.cluster or recorded_cluster(ProjectPaths(root), stack)
    if expected and expected != found:
        raise DeployError(
            f"stack {stack} was deployed to cluster {expected} (uid of its namespace kube-system); context "
            f"'{target.context}' of {target.kubeconfig} now points to cluster {found} ({target.server}); nothing was "
            "written",
            hint="choose the context the stack was deployed with (poscloud:context, KUBECONFIG); a stack cannot move "
            "between clusters",
        )
    return resolve(root, config.context, found)


def up(
    root: Path, stack: str, reporter: Reporter, *, yes: bool, offline: bool = False, refresh: bool = False
) -> int:
    """Bring an environment up and return the engine's exit code.

    On the local cluster nothing is asked; elsewhere the engine shows a preview and asks, unless ``yes``.
    Unless ``offline``, the stores of jars are asked whether every version is there. With ``refresh`` the cluster is
    asked first for every object, and what somebody deleted is made anew.

    Raises:
        PosCloudError: The description is wrong (before anything is touched), or something cannot be made ready.
    """
    described = describe(root, stack, project_name(root))
    spec = described.spec
    check_start(root, stack)
    if not offline:
        check_versions(described, reporter.note)
    if not read_stack_config(root, stack).context:
        prepare_images(root, described, reporter)
    prepared = prepare(root, stack, reporter, pin=True, spec=spec)
    refuse_rights(prepared.target, spec, f"{project_name(root)}/{stack}")
    if spec.adopt:
        reporter.note(ADOPTS.format(stack))
    with ThreadPoolExecutor(1) as pool:
        namespace = pool.submit(namespace_of, prepared.kubectl, stack)
        make_passwords(prepared.pulumi, root, spec, reporter)
    begin(prepared.kubectl, namespace.result(), spec, reporter)
    by_hand = around.tell(prepared.target, stack, reporter)
    confirmed = ["--yes", "--skip-preview"] if yes or prepared.target.local else []
    awake = _rouse(prepared, namespace.result(), reporter, confirmed=bool(confirmed))
    flags = [*confirmed, *([REFRESH] if refresh else [])]
    unsure = prepared.unsure
    once = not spec.is_production() and (spec.short_lived or is_empty(prepared.pulumi.paths, stack))
    # Who is asked and says no has changed nothing, and must leave no mark.
    show: Show = (Run(described.parts), None)
    code = run_engine(prepared, reporter, "up", *flags, checkpoints=not (once and confirmed), show=show)
    if code == 0:
        unrecorded.clear(prepared.pulumi.paths, stack)
    note_activity(prepared.kubectl, spec, reporter)
    if code == 0 and awake:
        until_ready(prepared.target, stack, f"{project_name(root)}/{stack}", awake, reporter)
    if unsure and (left := leftovers.find(prepared.pulumi, prepared.kubectl, stack).objects):
        reporter.note(leftovers.hint(len(left), stack))
    if code == 0:
        publish_after_up(root, stack, described, reporter)
    if code == 0 and by_hand:
        around.after_up(prepared.pulumi, prepared.target, stack, by_hand, reporter)
    return code


def _rouse(prepared: Prepared, namespace: dict[str, Any], reporter: Reporter, *, confirmed: bool) -> set[str]:
    """Wake an environment that sleeps; return what has to become ready after the engine's run.

    Raises:
        DeployError: It sleeps, and nobody has agreed yet: the engine asks later than this.
    """
    if not annotation(namespace, ASLEEP_ANNOTATION):
        return set()
    if not confirmed:
        raise DeployError(
            f"{prepared.stack} is asleep, and would be woken before you are asked; nothing was changed",
            hint=f"poscloud env wake {prepared.stack}, then this again; or: poscloud up -s {prepared.stack} --yes",
        )
    mark = f"{project_name(prepared.pulumi.root)}/{prepared.stack}"
    return rouse(prepared.target, prepared.stack, mark, reporter)


def run_engine(
    prepared: Prepared,
    reporter: Reporter,
    verb: str,
    *flags: str,
    checkpoints: bool,
    show: Show | None = None,
) -> int:
    """Run the engine, after what a killed run left was seen to, and return its exit code.

    Without checkpoints it is faster, and keeps no record of a run that is killed; only poscloud's own
    provider can go on after that (docs/decisions/0017). After success, the caller takes the
    mark away: there may be more to do.
    """
    pulumi, stack = prepared.pulumi, prepared.stack
    again = resume(pulumi, prepared.kubectl, stack, reporter)
    given = [*dict.fromkeys([*flags, *again])]
    if isinstance(asked := agreed(pulumi, stack, verb, given) if show else given, int):
        return asked
    before = unrecorded.is_marked(pulumi.paths, stack)
    if not checkpoints and is_built_in(pulumi):
        pulumi.environment[unrecorded.SKIP_CHECKPOINTS] = "true"
        unrecorded.mark(pulumi.paths, stack)
    shown = showing(show, pulumi.environment, reporter.note, confirmed="--yes" in asked)
    with watching(pulumi, prepared.kubectl, stack), shown as following:
        code = pulumi.run(verb, "--stack", stack, *asked, following=following)
    if 0 < code != INTERRUPTED and not before:
        unrecorded.clear_if_written(pulumi.paths, stack, state_file(pulumi.paths, stack))
    return code


def preview(root: Path, stack: str, reporter: Reporter, *, diff: bool) -> int:
    """Show what ``up`` would change and return the engine's exit code.

    Raises:
        PosCloudError: The description is wrong (before anything is touched), or something cannot be made ready.
    """
    spec = load_checked(root, stack)
    refuse_damaged(ProjectPaths(root), stack)
    prepared = prepare(root, stack, reporter, only_look=True)
    make_passwords(prepared.pulumi, root, spec, reporter)  # without them there is nothing to preview
    around.tell(prepared.target, stack, reporter)
    return prepared.pulumi.run("preview", "--stack", stack, *(["--diff"] if diff else []))


def destroy(root: Path, stack: str, reporter: Reporter, *, yes: bool, discard_logs: bool = False) -> int:
    """Archive what an environment leaves behind, remove it, prove that nothing is left; return the engine's exit code.

    Its description may be broken or gone: what was deployed is in the state.

    Args:
        root: The project's folder.
        stack: The environment.
        reporter: Shows progress.
        yes: Do not ask.
        discard_logs: Archive nothing.

    Raises:
        StackNotFoundError: There is neither a description nor a state of that name.
        ArchiveError: Not everything could be archived; nothing was deleted.
        DeployError: The namespace says that it is another stack's.
        RemainsError: Something is left; names it, and who holds it.
    """
    refuse_unknown(root, stack)
    check_start(root, stack)
    prepared = prepare(root, stack, reporter)
    mark = f"{project_name(root)}/{stack}"
    refuse_taken(prepared.pulumi, prepared.kubectl, stack, mark)
    tell_access(prepared.target, stack, mark, reporter)
    logs = archive.release(prepared, reporter, discard_logs=discard_logs)
    confirmed = ["--yes", "--skip-preview"] if yes or prepared.target.local else []
    unsure = prepared.unsure
    once = bool(confirmed) and _may_write_once(prepared.pulumi.paths, root, stack)
    show = removal(prepared.target, stack, mark)
    code = run_engine(prepared, reporter, "destroy", *confirmed, checkpoints=not once, show=show)
    if code not in (0, INTERRUPTED):
        with suppress(UnansweredError, AuthError):  # the engine has told what went wrong
            teardown.refuse_held(prepared.kubectl, stack)
    if code != 0:
        return code
    if unsure:
        _remove_unknown(prepared, reporter, confirmed=bool(confirmed))
    _certify(prepared, reporter, mark, logs)
    return code


def _certify(prepared: Prepared, reporter: Reporter, mark: str, logs: str) -> None:
    """Show the certificate that nothing is left.

    Raises:
        RemainsError: Something is.
    """
    pulumi, kubectl, stack = prepared.pulumi, prepared.kubectl, prepared.stack
    left = teardown.count(pulumi, kubectl, stack, mark, seconds=GONE_SECONDS)
    for volume in left.retained:
        reporter.note(f"kept, as its StorageClass says (Retain): {volume}")
    if not left.is_clean:
        unrecorded.mark(pulumi.paths, stack)  # the state, empty now, does not tell of them
    certificate = teardown.certify(left, kubectl, stack, logs)
    unrecorded.clear(pulumi.paths, stack)
    archive.forget(pulumi.paths, stack)
    if left.others:
        reporter.note(f"{left.others} is not this stack's, and was left alone")
    reporter.note(certificate)


def _may_write_once(paths: ProjectPaths, root: Path, stack: str) -> bool:
    """Whether a ``destroy`` may write the state at its end only; not where the description is broken or gone.

    With a state that others use as well, they would not see this machine's mark of a killed run.
    """
    try:
        spec = load_environment(root, stack)
    except PosCloudError:
        return False
    return spec.short_lived or not (spec.is_production() or state_file(paths, stack) is None)


def _remove_unknown(prepared: Prepared, reporter: Reporter, *, confirmed: bool) -> None:
    """Remove what a killed run made and no state knows: destroying an environment removes all that is its own.

    Raises:
        DeployError: There is some, and nobody agreed: the engine showed and asked for what its state has.
    """
    stack = prepared.stack
    found = inventory.take(prepared.kubectl, prepared.pulumi.root, stack)
    left = leftovers.sort(found, recorded=set(), described=set(), claims=Claims())
    # With the namespace goes all that is in it.
    doomed = [i for i in left.objects if not (left.space and i.id.startswith(f"{stack}/"))]
    doomed += [left.space] if left.space else []
    if doomed and not confirmed:
        raise DeployError(
            f"in no state, but of this stack, and still there: {', '.join(map(str, doomed))}",
            hint=f"to remove them, and all that is in the namespace: poscloud destroy -s {stack} --yes",
        )
    if doomed:
        reporter.note(f"in no state, but of this stack, and removed: {', '.join(map(str, doomed))}")
        leftovers.remove(prepared.kubectl, doomed)
