"""The documented defaults of each kind of client, and where they are documented. Kafka's are those of 4.3.

Sources: `ProducerConfig`, `ConsumerConfig` and `StreamsConfig` of Apache Kafka (their generated pages), librdkafka's
CONFIGURATION.md, KafkaJS' pages on producing, consuming, configuration; Spring for Apache Kafka's page on committing
offsets (the container sets `enable.auto.commit` to false since 2.3; everything else is the Java client's). Connect's
are those of its workers' clients (`Worker.baseProducerConfigs`, `baseConsumerConfigs`) and of its connectors' settings.
"""

from collections.abc import Mapping

PRODUCER = "https://kafka.apache.org/42/configuration/producer-configs/#producerconfigs_"
CONSUMER = "https://kafka.apache.org/42/configuration/consumer-configs/#consumerconfigs_"
STREAMS = "https://kafka.apache.org/42/configuration/kafka-streams-configs/#streamsconfigs_"
LIBRDKAFKA = "https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md"
KAFKAJS_TRANSACTIONS = "https://kafka.js.org/docs/transactions"
SINK = "https://kafka.apache.org/42/configuration/kafka-connect-configs/#sinkconnectorconfigs_"
SOURCE = "https://kafka.apache.org/42/configuration/kafka-connect-configs/#sourceconnectorconfigs_"
WORKER = "https://kafka.apache.org/42/configuration/kafka-connect-configs/#connectconfigs_"
SPRING_ERRORS = "https://docs.spring.io/spring-kafka/reference/kafka/annotation-error-handling.html"
SPRING_STREAM = "https://docs.spring.io/spring-cloud-stream/reference/kafka/kafka-binder/dlq.html"
SPRING_TRANSACTIONS = "https://docs.spring.io/spring-kafka/reference/kafka/transactions.html"

TITLES: Mapping[str, str] = {
    "java": "the Java client",
    "librdkafka": "librdkafka",
    "spring": "Spring Kafka",
    "kafkajs": "KafkaJS",
    "streams": "Kafka Streams",
    "connect": "Kafka Connect",
}
_JAVA: dict[str, str] = {
    "enable.idempotence": "true",
    "acks": "all",
    "retries": "2147483647",
    "max.in.flight.requests.per.connection": "5",
    "transaction.timeout.ms": "60000",
    "delivery.timeout.ms": "120000",
    "transaction.two.phase.commit.enable": "false",
    "partitioner": "murmur2",
    "isolation.level": "read_uncommitted",
    "enable.auto.commit": "true",
    "auto.offset.reset": "latest",
    "max.poll.interval.ms": "300000",
}
DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "java": _JAVA,
    "spring": {
        **_JAVA,
        "enable.auto.commit": "false",
        "retry.topic.enabled": "false",
        "enable.dlq": "false",
    },
    "connect": {
        **_JAVA,
        "enable.idempotence": "false",
        "max.in.flight.requests.per.connection": "1",
        "delivery.timeout.ms": "2147483647",
        "enable.auto.commit": "false",
        "auto.offset.reset": "earliest",
        "errors.tolerance": "none",
        "errors.deadletterqueue.context.headers.enable": "false",
        "errors.deadletterqueue.topic.replication.factor": "3",
        "exactly.once.support": "requested",
        "exactly.once.source.support": "disabled",
    },
    "librdkafka": {
        "enable.idempotence": "false",
        "acks": "all",
        "retries": "2147483647",
        "max.in.flight.requests.per.connection": "1000000",
        "transaction.timeout.ms": "60000",
        "delivery.timeout.ms": "300000",
        "partitioner": "consistent_random",
        "isolation.level": "read_committed",
        "enable.auto.commit": "true",
        "enable.auto.offset.store": "true",
        "auto.offset.reset": "latest",
        "max.poll.interval.ms": "300000",
    },
    "kafkajs": {
        "enable.idempotence": "false",
        "acks": "all",
        "retries": "5",
        "max.in.flight.requests.per.connection": "unlimited",
        "transaction.timeout.ms": "60000",
        "partitioner": "murmur2",
        "isolation.level": "read_committed",
        "enable.auto.commit": "true",
        "auto.offset.reset": "latest",
    },
    "streams": {
        **_JAVA,
        "processing.guarantee": "at_least_once",
        "replication.factor": "-1",
        "commit.interval.ms": "30000",
        "enable.auto.commit": "false",
        "auto.offset.reset": "earliest",
    },
    "streams-exactly-once": {
        "isolation.level": "read_committed",
        "transaction.timeout.ms": "10000",
        "delivery.timeout.ms": "2147483647",
        "commit.interval.ms": "100",
    },
}
"""By kind; `streams-exactly-once` goes over `streams` when the guarantee is exactly-once (`PRODUCER_EOS_OVERRIDES`)."""

SPELLED: Mapping[str, Mapping[str, str]] = {
    "connect": {
        "enable.idempotence": "producer.override.enable.idempotence",
        "acks": "producer.override.acks",
        "transactional.id": "producer.override.transactional.id",
        "isolation.level": "consumer.override.isolation.level",
        "enable.auto.commit": "consumer.override.enable.auto.commit",
        "auto.offset.reset": "consumer.override.auto.offset.reset",
    },
    "kafkajs": {
        "enable.idempotence": "idempotent",
        "max.in.flight.requests.per.connection": "maxInFlightRequests",
        "transactional.id": "transactionalId",
        "transaction.timeout.ms": "transactionTimeout",
        "isolation.level": "readUncommitted",
        "enable.auto.commit": "autoCommit",
        "auto.offset.reset": "fromBeginning",
        "retries": "retry.retries",
        "partitioner": "createPartitioner",
    },
    "spring": {
        "acks": "spring.kafka.producer.acks",
        "retries": "spring.kafka.producer.retries",
        "transactional.id": "spring.kafka.producer.transaction-id-prefix",
        "isolation.level": "spring.kafka.consumer.isolation-level",
        "enable.auto.commit": "spring.kafka.consumer.enable-auto-commit",
        "auto.offset.reset": "spring.kafka.consumer.auto-offset-reset",
        "enable.idempotence": "spring.kafka.producer.properties.enable.idempotence",
        "retry.topic.enabled": "spring.kafka.retry.topic.enabled",
        "enable.dlq": "enable-dlq",
    },
}
"""How a kind of client writes a key, where it is not Kafka's own name."""
