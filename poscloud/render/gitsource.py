"""A program from a git repository: fetched by an init container before the service starts."""

from __future__ import annotations

from poscloud.render.context import Context
from poscloud.render.fetch import fetching
from poscloud.render.manifest import Manifest
from poscloud.render.pod import secret_env
from poscloud.spec import GitSource

PROGRAM_PATH = "/data/program"
SCRIPT_PATH = "/etc/poscloud"
SCRIPT_NAME = "fetch.sh"
USER = 1000
"""Whoever runs the program may read what was fetched."""

_IMAGE = "{registry}/git:2"

SCRIPT = """\
# Fetches exactly $REVISION of $REPOSITORY into $TARGET/files.
# Needs git, grep, and timeout of coreutils or BusyBox.
set -u
export GIT_TERMINAL_PROMPT=0 GIT_CONFIG_NOSYSTEM=1 HOME="$TARGET" LC_ALL=C
files="$TARGET/files"
log="$TARGET/fetch.log"

fail() {
  echo "fetch: $*" >&2
  exit 1
}

# What of the time is left, so that all steps together end in time.
begin=$(date +%s)
bounded() {
  left=$((TIMEOUT - $(date +%s) + begin))
  [ "$left" -gt 0 ] || left=1
  timeout "$left" "$@" 2>"$log"
  status=$?
  case "$status" in
    124 | 143) fail "$REPOSITORY did not give $REVISION within $TIMEOUT s" ;;
    137) fail "git was killed while it fetched $REPOSITORY: the memory limit of this container is too little" ;;
  esac
  return "$status"
}

# The helper is a line of shell that git runs: the password stays in the environment, out of arguments and files.
helper=
[ -z "${GIT_USERNAME:-}" ] || helper='!f() { [ "$1" != get ] || printf "username=%s\\\\npassword=%s\\\\n" \
"$GIT_USERNAME" "$GIT_PASSWORD"; }; f'
fetch() {
  bounded git -C "$files" -c credential.helper= -c credential.helper="$helper" fetch --quiet --no-tags "$@"
}

command -v git >/dev/null 2>&1 || fail "this image has no git"
rm -rf "$files"
git init --quiet "$files" || fail "$files cannot be made"
if fetch --depth 1 "$REPOSITORY" "$REVISION"; then
  commit=FETCH_HEAD
elif grep -q -e 'Authentication failed' -e 'could not read Username' -e 'error: 403' "$log"; then
  fail "$REPOSITORY may not be read: see git.credentials: $(tail -n 1 "$log")"
else
  # A short commit, or a server that gives no single commits: everything, and then look.
  fetch "$REPOSITORY" '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*' ||
    fail "$REPOSITORY cannot be read: $(tail -n 1 "$log")"
  commit=$(git -C "$files" rev-parse --quiet --verify "$REVISION^{commit}") ||
    fail "$REPOSITORY has no revision $REVISION; branches: $(git -C "$files" for-each-ref --count=10 \\
      --format='%(refname:strip=3)' refs/remotes/origin | tr '\\n' ' ')"
fi
git -C "$files" checkout --quiet --detach "$commit" 2>"$log" || fail "cannot check out: $(tail -n 1 "$log")"
found=$(git -C "$files" rev-parse HEAD)
rm -rf "$files/.git" "$log"
echo "fetch: $REPOSITORY $REVISION, commit $found"
"""


def git_volume(git: GitSource) -> Manifest:
    """Return the volume with the fetched files."""
    return {"name": "program", "emptyDir": {"sizeLimit": git.space}}


def git_mount() -> Manifest:
    """Return what the service's container sees: the files, which it cannot change."""
    return {"name": "program", "mountPath": PROGRAM_PATH, "readOnly": True}


def git_container(context: Context, git: GitSource, pull_policy: str) -> Manifest:
    """Return the init container that fetches the files; while it fails, the service is not started."""
    env = {
        "REPOSITORY": git.repository,
        "REVISION": git.revision,
        "TARGET": PROGRAM_PATH,
        "TIMEOUT": str(git.timeout),
    }
    secret = git.credentials
    credentials = {"GIT_USERNAME": "username", "GIT_PASSWORD": "password"} if secret else {}
    return fetching(
        "fetch",
        git.image or _IMAGE.format(registry=context.environment.registry),
        pull_policy,
        script=f"{SCRIPT_PATH}/{SCRIPT_NAME}",
        env=[
            *({"name": n, "value": v} for n, v in env.items()),
            *(secret_env(n, str(secret), key) for n, key in credentials.items()),
        ],
        resources={
            "limits": {"cpu": "500m", "memory": "512Mi"},
            "requests": {"cpu": "10m", "memory": "64Mi"},
        },
        mounts=[
            {"name": "program", "mountPath": PROGRAM_PATH},
            {"name": "config", "mountPath": SCRIPT_PATH},
        ],
        user=USER,
    )
