"""The sweep by the clock: service account with its rights, ConfigMap with the start, CronJob."""

from __future__ import annotations

from poscloud.render.context import Context
from poscloud.render.cronjob import render_account, render_cron_job
from poscloud.render.gitsource import (
    PROGRAM_PATH,
    SCRIPT,
    SCRIPT_NAME,
    SCRIPT_PATH,
    git_container,
    git_volume,
)
from poscloud.render.manifest import Manifest, override
from poscloud.render.pod import nfs_volume, secret_env
from poscloud.render.service import Application, render_config, render_pod
from poscloud.spec import JanitorSpec, SecretKey
from poscloud.spec.janitor import JanitorArchive, JanitorForge

KIND = "janitor"
ROLE = "poscloud-janitor"
"""The ClusterRole with what a sweep needs, of poscloud/local/roles.yaml."""

START_NAME = "sweep.sh"
ARCHIVE_PATH = "/data/archive"
ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where Kubernetes puts a pod's token and the authority of its API server."""

STOP_SECONDS = 120
"""How long a sweep that is asked to stop may take to finish what is under way and to unlock the stack."""

_CI = {
    "gitlab": {
        "GITLAB_CI": "true", "CI_SERVER_URL": "{url}",
        "CI_PROJECT_ID": "{project}", "CI_PROJECT_PATH": "{project}",
    },
    "gitea": {"GITEA_ACTIONS": "true", "GITHUB_SERVER_URL": "{url}", "GITHUB_REPOSITORY": "{project}"},
    "github": {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "{url}", "GITHUB_REPOSITORY": "{project}"},
}  # fmt: skip
"""What the CI of each forge sets, by which poscloud knows it (docs/forges.md)."""

_TOKENS = {"gitlab": "GITLAB_TOKEN", "gitea": "GITEA_TOKEN", "github": "GITHUB_TOKEN"}

START = f"""\
# Sweeps the copies of the project in $PROJECT, as the service account of this pod.
set -u
umask 077

fail() {{
  echo "janitor: $*" >&2
  exit 1
}}

program=$(command -v poscloud) || fail "this image has no poscloud"
cd "$PROJECT" || fail "the project was not fetched"
[ -f Pulumi.yaml ] || fail "$REPOSITORY is no project of poscloud: it has no Pulumi.yaml"
# Where the engine looks for its Python: the one that poscloud is installed for.
[ -e .venv ] || ln -s "$(dirname "$(dirname "$(readlink -f "$program")")")" .venv
account={ACCOUNT_PATH}
[ -s "$account/token" ] || fail "this pod has no token of a service account in $account"
case "$KUBERNETES_SERVICE_HOST" in
  *:*) host="[$KUBERNETES_SERVICE_HOST]" ;;
  *) host="$KUBERNETES_SERVICE_HOST" ;;
esac
# The token stays in its file, which the kubelet renews.
cat >"$KUBECONFIG" <<END || fail "$KUBECONFIG cannot be written"
apiVersion: v1
kind: Config
clusters:
  - name: cluster
    cluster: {{server: "https://$host:$KUBERNETES_SERVICE_PORT", certificate-authority: "$account/ca.crt"}}
users:
  - name: janitor
    user: {{tokenFile: "$account/token"}}
contexts:
  - name: "$CONTEXT"
    context: {{cluster: cluster, user: janitor}}
current-context: "$CONTEXT"
END
# Not as the pod's first process, for which the kernel ignores a SIGTERM that nobody handles.
poscloud env sweep --yes &
sweep=$!
trap 'kill -TERM "$sweep"' TERM
while :; do
  wait "$sweep"
  code=$?
  kill -0 "$sweep" 2>/dev/null || exit "$code" # a signal ends wait before the sweep has ended
done
"""


def render_janitor(context: Context, name: str, spec: JanitorSpec) -> list[Manifest]:
    """Return the manifests of one janitor, in the order they are made."""
    application = _application(context, spec)
    labels = context.labels(name, KIND)
    made = [
        *render_account(context, name, labels, ROLE),
        render_config(context, name, application),
        render_cron_job(
            context, name, spec, labels, render_pod(context, name, spec, application), _settings(spec)
        ),
    ]
    return override(made, spec.overrides, name)


def _application(context: Context, spec: JanitorSpec) -> Application:
    volumes = [git_volume(spec.git)]
    mounts: list[Manifest] = [{"name": "program", "mountPath": PROGRAM_PATH}]
    if store := _archive_volume(spec.archive):
        volumes.append(store)
        mounts.append({"name": "archive", "mountPath": ARCHIVE_PATH})
    return Application(
        kind=KIND,
        logs_path="",
        env={
            "HOME": PROGRAM_PATH,
            "PROJECT": f"{PROGRAM_PATH}/files",
            "REPOSITORY": spec.git.repository,
            "KUBECONFIG": f"{PROGRAM_PATH}/kubeconfig",
            "CONTEXT": spec.context,
            "POSCLOUD_ARCHIVE": spec.archive.s3 or ARCHIVE_PATH,
        },
        command=("sh", f"{SCRIPT_PATH}/{START_NAME}"),
        config={START_NAME: START, SCRIPT_NAME: SCRIPT},
        config_path=SCRIPT_PATH,
        mounts=tuple(mounts),
        volumes=tuple(volumes),
        init_containers=(git_container(context, spec.git, spec.pull_policy),),
        grace_period=STOP_SECONDS,
    )


def _archive_volume(archive: JanitorArchive) -> Manifest | None:
    if archive.nfs:
        return nfs_volume("archive", archive.nfs)
    return (
        {"name": "archive", "persistentVolumeClaim": {"claimName": archive.claim}} if archive.claim else None
    )


def _settings(spec: JanitorSpec) -> list[Manifest]:
    """Return the variables with the state's address, its passphrase, and what the forge's CI would set."""
    found = [
        _variable("PULUMI_BACKEND_URL", spec.backend),
        _variable("PULUMI_CONFIG_PASSPHRASE", spec.passphrase),
    ]
    return found + (_forge(spec.forge) if spec.forge else [])


def _forge(forge: JanitorForge) -> list[Manifest]:
    given = {"url": forge.url.rstrip("/"), "project": forge.project}
    texts = [_variable(name, text.format(**given)) for name, text in _CI[forge.kind].items()]
    return [*texts, _variable(_TOKENS[forge.kind], forge.token)]


def _variable(name: str, value: str | SecretKey) -> Manifest:
    if isinstance(value, SecretKey):
        return secret_env(name, value.secret, value.key)
    return {"name": name, "value": value}
