"""The drivers' room: the only imports of confluent_kafka, kafka (kafka-python) and psycopg, each when it is needed."""
