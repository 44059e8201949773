"""The jar of a Java service without an image of its own: fetched, checked, and only then started."""

from __future__ import annotations

from poscloud.render.context import Context
from poscloud.render.fetch import fetching
from poscloud.render.manifest import Manifest
from poscloud.spec import JarSource, JavaServiceSpec

JAR_PATH = "/opt/jar"
CONFIG_PATH = "/etc/poscloud"
CREDENTIALS_PATH = "/etc/poscloud-credentials"
TRIES = 5
"""How often a store that does not answer is asked; the pauses between grow from 2 to 8 seconds."""

SCRIPT = rf"""# Fetches one version's jar and its SHA-256, compares, and only then gives the jar its name.
# Needs sh, sed, cut, tr, sha256sum, and curl or wget (GNU or BusyBox).
set -u
credentials={CREDENTIALS_PATH}
part="$JAR_FILE.part"
log="$JAR_FILE.log"
login="$JAR_FILE.login"
rm -f "$JAR_FILE"

fail() {{
  echo "fetch-jar: $*" >&2
  rm -f "$part"
  exit 1
}}

# Name and password reach the program by its standard input or by a file: an argument could be read by others.
curl_login() {{
  [ -d "$credentials" ] || return 0
  printf 'user = "%s"\n' \
    "$(printf '%s:%s' "$(cat "$credentials/username")" "$(cat "$credentials/password")" | sed 's/[\\"]/\\&/g')"
}}
wget_login() {{
  [ -d "$credentials" ] || return 0
  printf 'auth_no_challenge = on\nuser = %s\npassword = %s\n' \
    "$(cat "$credentials/username")" "$(cat "$credentials/password")"
}}

# get URL FILE: prints the HTTP status; 200 only if all of it has come. What went wrong is in $log.
get() {{
  if command -v curl >/dev/null 2>&1; then
    status=$(curl_login | curl --config - --silent --show-error --fail --location --proto '=http,https' \
      --connect-timeout 10 --speed-limit 1 --speed-time 30 --output "$2" --write-out '%{{http_code}}' "$1" \
      2>"$log") && echo 200 && return
    [ "$status" = 200 ] && status=000
    echo "$status"
    return
  elif wget --version >/dev/null 2>&1; then # GNU
    (umask 077 && wget_login >"$login")
    LC_ALL=C wget --config="$login" -T 30 -t 1 -O "$2" "$1" >"$log" 2>&1
    status=$?
    rm -f "$login"
    [ "$status" = 0 ] && echo 200 && return
  else # BusyBox: its -T crashes in a common build (Debian's 1.35); by itself it gives up after 15 silent minutes
    wget -q -O "$2" "$1" >"$log" 2>&1 && echo 200 && return
  fi
  sed -n -E 's/.*(ERROR|response\.\.\.|HTTP\/[0-9.]+) ([0-9][0-9][0-9]).*/\2/p' "$log" | tail -n 1
}}

fetch() {{
  try=1
  while :; do
    status=$(get "$1" "$2")
    case "$status" in
      200) return ;;
      404 | 410) fail "there is no $1 (HTTP $status): version '$JAR_VERSION' does not exist there" ;;
      401 | 403) fail "$1 may not be read (HTTP $status): see jar.credentials" ;;
    esac
    [ "$try" -lt {TRIES} ] || fail "$1 could not be fetched, {TRIES} tries: $(tail -n 1 "$log")"
    sleep $((try * 2))
    try=$((try + 1))
  done
}}

command -v curl >/dev/null 2>&1 || command -v wget >/dev/null 2>&1 || fail "this image has neither curl nor wget"
if [ -d "$credentials" ] && ! command -v curl >/dev/null 2>&1 && ! wget --version >/dev/null 2>&1; then
  fail "BusyBox wget would show the password; set jar.fetcher to an image with curl or GNU wget"
fi

wanted="${{JAR_SHA256:-}}"
if [ -z "$wanted" ]; then
  fetch "$JAR_URL.sha256" "$part"
  wanted=$(sed -n -E 's/^(.*[^0-9a-fA-F])?([0-9a-fA-F]{{64}})([^0-9a-fA-F].*)?$/\2/p' "$part" | head -n 1)
  [ -n "$wanted" ] || fail "$JAR_URL.sha256 holds no SHA-256"
fi
fetch "$JAR_URL" "$part"
wanted=$(echo "$wanted" | tr A-F a-f)
found=$(sha256sum "$part" | cut -d ' ' -f 1)
[ "$found" = "$wanted" ] || fail "$JAR_URL has SHA-256 $found, but $wanted is the right one"
mv "$part" "$JAR_FILE"
rm -f "$log"
echo "fetch-jar: $JAR_URL, SHA-256 $found"
"""


def jar_file(name: str) -> str:
    """Return where the jar is in the container."""
    return f"{JAR_PATH}/{name}.jar"


def jar_mounts() -> tuple[Manifest, ...]:
    """Return what the service's container sees: the jar, which it cannot change."""
    return ({"name": "jar", "mountPath": JAR_PATH, "readOnly": True},)


def jar_volumes(jar: JarSource) -> tuple[Manifest, ...]:
    """Return the volumes of the jar and of the store's credentials."""
    volumes: list[Manifest] = [{"name": "jar", "emptyDir": {"sizeLimit": "2Gi"}}]
    if jar.credentials:
        volumes.append({"name": "jar-credentials", "secret": {"secretName": jar.credentials}})
    return tuple(volumes)


def fetch_container(context: Context, name: str, spec: JavaServiceSpec, jar: JarSource) -> Manifest:
    """Return the init container that fetches the jar; while it fails, the service is not started."""
    env = {
        "JAR_URL": jar.address(context.namespace, name, spec.version),
        "JAR_VERSION": spec.version,
        "JAR_FILE": jar_file(name),
    }
    if jar.sha256:
        env["JAR_SHA256"] = jar.sha256
    mounts: list[Manifest] = [
        {"name": "config", "mountPath": CONFIG_PATH},
        {"name": "jar", "mountPath": JAR_PATH},
    ]
    if jar.credentials:
        mounts.append({"name": "jar-credentials", "mountPath": CREDENTIALS_PATH, "readOnly": True})
    return fetching(
        "fetch-jar",
        jar.fetcher or jar.jdk,
        spec.pull_policy,
        script=f"{CONFIG_PATH}/fetch-jar.sh",
        env=[{"name": n, "value": v} for n, v in env.items()],
        resources={
            "limits": {"cpu": "1", "memory": "256Mi"},
            "requests": {"cpu": "50m", "memory": "64Mi"},
        },
        mounts=mounts,
        user=spec.runs_as(),
    )
