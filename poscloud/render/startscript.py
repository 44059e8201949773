"""Starting a program whose configuration needs what only the pod knows: the cluster's DNS, the node's address."""

from __future__ import annotations

CLUSTER_DNS = "@CLUSTER_DNS@"
"""In a configuration: address of the cluster's DNS, the first ``nameserver`` of the pod's /etc/resolv.conf.

The kubelet writes it there (its ``clusterDNS``) for the DNS policies ClusterFirst and ClusterFirstWithHostNet, so that
it is right whatever the DNS Service of a cluster is called, and with a cache on each node as well.
"""

NODE_ADDRESS = "@NODE_ADDRESS@"
"""In a configuration: the variable NODE_ADDRESS, which the pod gets from ``status.hostIP``."""

RUN_PATH = "/tmp"
"""The one folder of the container that can be written to."""

SCRIPT = "start.sh"

_SCRIPT = """\
# Fills in what only the pod knows, then becomes the program.
set -eu
dns=
while read -r key value rest || [ -n "$key" ]; do
  if [ "$key" = nameserver ] && [ -z "$dns" ]; then dns=$value; fi
done < {resolv_conf}
if [ -z "$dns" ]; then echo "{resolv_conf} has no nameserver" >&2; exit 1; fi
node=${{NODE_ADDRESS:-}}
{brackets}sed -e "s/{cluster_dns}/$dns/g" -e "s/{node_address}/$node/g" {source} > {target}
exec {program}
"""

_BRACKETS = """\
case $dns in *:*) dns="[$dns]";; esac
case $node in *:*) node="[$node]";; esac
"""


def start_script(source: str, target: str, program: str, *, brackets: bool) -> str:
    """Return a shell script that writes ``target`` from ``source`` and becomes ``program``.

    Args:
        source: The mounted configuration, in which the two placeholders stand.
        target: Where the program reads it.
        program: The command.
        brackets: Whether the program writes an IPv6 address in brackets.
    """
    return _SCRIPT.format(
        resolv_conf="/etc/resolv.conf",
        brackets=_BRACKETS if brackets else "",
        cluster_dns=CLUSTER_DNS,
        node_address=NODE_ADDRESS,
        source=source,
        target=target,
        program=program,
    )
