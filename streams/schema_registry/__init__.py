"""Schemas for programs in other languages: as files, and in a registry with Confluent's API."""
