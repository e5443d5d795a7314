"""What must exist before the line runs: topics, migrations, local Kafka and Postgres, standards."""
