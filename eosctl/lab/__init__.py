"""Real servers on this machine: an embedded Kafka and PostgreSQL, and real incidents on them."""
