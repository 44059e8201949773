#!/bin/sh
exec java ${CLIENT_JVMFLAGS:--Xmx64m} -cp '/opt/zookeeper/conf/cli:/opt/zookeeper/lib/*' org.apache.zookeeper.ZooKeeperMain "$@"
