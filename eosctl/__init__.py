"""eosctl: the operator's toolkit for exactly-once processing on Kafka and PostgreSQL."""

__version__ = "1.0.0"
