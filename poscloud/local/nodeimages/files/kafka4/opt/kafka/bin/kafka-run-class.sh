#!/bin/sh
# Runs a class of Kafka's: kafka-run-class.sh CLASS ARGUMENT…
exec java ${KAFKA_HEAP_OPTS:--Xmx256m} ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseG1GC -XX:MaxGCPauseMillis=20} \
  ${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=/opt/kafka/config/tools-log4j2.properties} $KAFKA_JMX_OPTS $KAFKA_OPTS \
  -cp '/opt/kafka/libs/*' "$@"
