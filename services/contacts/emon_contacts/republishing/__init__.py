"""The directory published anew: after Kafka or a database was lost, or where a copy is not what it should be."""
