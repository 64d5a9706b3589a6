"""Where the vendors document what the rules speak of."""

BROKER = "https://kafka.apache.org/42/configuration/broker-configs/#brokerconfigs_"
TOPIC = "https://kafka.apache.org/42/configuration/topic-configs/#topicconfigs_"
KIP = "https://cwiki.apache.org/confluence/display/KAFKA/"
POSTGRES = "https://www.postgresql.org/docs/current/"
