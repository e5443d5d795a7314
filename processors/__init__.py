"""Steps and rules. They use no Kafka, PostgreSQL, asyncio, environment variables or clock."""
