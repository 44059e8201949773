#!/bin/sh
# Runs ZooKeeper in the foreground: zkServer.sh start-foreground FILE
[ "$1" = start-foreground ] || { echo "zkServer.sh: only start-foreground FILE is known here" >&2; exit 1; }
exec java ${SERVER_JVMFLAGS:-} ${JVMFLAGS:-} -Dzookeeper.log.dir="${ZOO_LOG_DIR:-/tmp}" \
  -cp '/opt/zookeeper/conf:/opt/zookeeper/lib/*' org.apache.zookeeper.server.quorum.QuorumPeerMain "$2"
