"""MongoDB: one member."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from poscloud.render import names
from poscloud.render.context import Context
from poscloud.render.manifest import Manifest, config_yaml, patch
from poscloud.render.passwords import QUOTED, own_secret, secret_name
from poscloud.render.pod import exec_probe, memory_volume, tcp_probe
from poscloud.render.stateful import Program, render_stateful
from poscloud.spec import MongoSpec
from poscloud.spec.password import PASSWORD_KEY
from poscloud.spec.values import parse_quantity

PORT = 27017
CONFIG_PATH = "/etc/mongo"
DATA_PATH = "/data/db"
RUN_PATH = "/run/mongo"
SETUP_PORT = 27018
"""Where nobody outside the container comes in while the user is made; no probe asks there."""
USABLE = f"{DATA_PATH}/.poscloud-usable"
"""Made when something was written and read; from then on accepting connections is enough."""
PROOF = """\
var proof = db.getSiblingDB("poscloud_proof").usable;
if (db.isMaster().ismaster) {
  proof.drop();
  proof.insertOne({_id: "usable"});
  if (!proof.findOne({_id: "usable"})) { throw new Error("what was written could not be read"); }
  proof.drop();
}
"""
"""For both shells. A member of a replica set that has no primary yet cannot be tried."""
GIBIBYTE = Decimal(2**30)

# At every start, so that a password that was changed counts from then on. The password goes from its variable into a
# file in memory, never by arguments.
START = rf"""set -eu
umask 077
{QUOTED}word=$(quoted "$MONGO_PASSWORD")
cat > {RUN_PATH}/user.js <<END
var admin = db.getSiblingDB("admin");
var given = {{pwd: $word, roles: ["root"]}};
if (admin.getUser("USER")) {{
  admin.updateUser("USER", given);
}} else {{
  admin.createUser(Object.assign({{user: "USER"}}, given));
}}
PROOF
END
unset MONGO_PASSWORD word
shell=$(command -v mongosh || command -v mongo) || {{
  echo "poscloud: the image has neither mongosh nor mongo, which a password needs" >&2
  exit 1
}}
mongod --config {CONFIG_PATH}/setup.conf &
pid=$!
trap 'kill $pid; wait $pid; exit 1' TERM
until "$shell" --quiet --port {SETUP_PORT} --eval 'db.adminCommand({{ping: 1}})' admin > /dev/null 2>&1; do
  kill -0 $pid 2> /dev/null || {{ echo "poscloud: the server ended, see above" >&2; exit 1; }}
  sleep 1
done
if ! "$shell" --quiet --port {SETUP_PORT} admin {RUN_PATH}/user.js; then
  echo "poscloud: the user could not be made, see above" >&2
  kill $pid
  wait $pid || true
  exit 1
fi
rm {RUN_PATH}/user.js
kill $pid
wait $pid || {{ echo "poscloud: the server did not stop, see above" >&2; exit 1; }}
trap - TERM
exec mongod --config {CONFIG_PATH}/mongod.conf
"""


# With a password the start script has written and read before it lets anybody in.
READY = f"""\
shell=$(command -v mongosh || command -v mongo) && [ ! -e {USABLE} ] || exec bash -c ': > /dev/tcp/127.0.0.1/{PORT}'
"$shell" --quiet --port {PORT} --eval '{" ".join(PROOF.split())}' && touch {USABLE}
"""


def mongo_outputs(name: str, environment: str, spec: MongoSpec) -> dict[str, str]:
    """Return what it offers to others."""
    host = names.dns_name(name, environment)
    outputs = {"host": host, "port": str(PORT), "url": f"mongodb://{host}:{PORT}"}
    if spec.with_password:
        outputs |= {"username": spec.user, names.SECRET_OUTPUT: secret_name(name, spec)}
    return outputs


def render_mongo(context: Context, name: str, spec: MongoSpec) -> list[Manifest]:
    """Return the manifests of a MongoDB."""
    program = Program(
        kind="mongo",
        command=["mongod", "--config", f"{CONFIG_PATH}/mongod.conf"],
        ports={"client": PORT},
        config={"mongod.conf": config_yaml(patch(_mongod_conf(spec), spec.config))},
        config_path=CONFIG_PATH,
        data_path=DATA_PATH,
        user=999,
        readiness=_readiness(spec),
        liveness=tcp_probe(PORT, periodSeconds=10, timeoutSeconds=3),
        grace_period=120,
    )
    if spec.with_password:
        program = _with_password(program, context, name, spec)
    return render_stateful(context, name, spec, program)


def _readiness(spec: MongoSpec) -> Manifest:
    network = spec.config.get("net")
    if isinstance(network, dict) and network.keys() & {
        "tls",
        "ssl",
    }:  # a client needs certificates that only users know
        return tcp_probe(PORT, periodSeconds=5, timeoutSeconds=3)
    return exec_probe(READY, periodSeconds=5, timeoutSeconds=10)


def _with_password(program: Program, context: Context, name: str, spec: MongoSpec) -> Program:
    described = patch(_mongod_conf(spec), spec.config)
    inside = {"net": {"port": SETUP_PORT, "bindIp": "127.0.0.1"}}
    enabled = {"security": {"authorization": "enabled"}}
    return replace(
        program,
        command=["sh", f"{CONFIG_PATH}/start.sh"],
        readiness=tcp_probe(PORT, periodSeconds=5, timeoutSeconds=3),
        config={
            "mongod.conf": config_yaml(patch(described, enabled)),
            "setup.conf": config_yaml(patch(described, inside)),
            "start.sh": START.replace("USER", spec.user).replace("PROOF\n", PROOF),
        },
        secret_env={"MONGO_PASSWORD": (secret_name(name, spec), PASSWORD_KEY)},
        mounts=({"name": "run", "mountPath": RUN_PATH},),
        volumes=(memory_volume("run"),),
        first=tuple(own_secret(context, name, spec.kind, spec)),
    )


def _mongod_conf(spec: MongoSpec) -> Manifest:
    # Without storage.journal.enabled: it is true anyhow, and from 6.1 on a setting that ends the start.
    storage: Manifest = {"dbPath": DATA_PATH}
    if spec.resources.limits.memory:
        # MongoDB's own rule, half of what is above 1 GiB and at least 256 MiB, but of the container's
        # memory: this version would take the host's.
        limit = parse_quantity(spec.resources.limits.memory) / GIBIBYTE
        cache = max(Decimal("0.25"), (limit - 1) / 2)
        storage["wiredTiger"] = {"engineConfig": {"cacheSizeGB": float(round(cache, 2))}}
    return {"storage": storage, "net": {"port": PORT, "bindIp": "0.0.0.0"}}
