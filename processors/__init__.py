"""What the work is: steps and rules, free of Kafka, Postgres, asyncio, environment and clock."""
