"""Queues: messages that survive the process which sent them. The port, and adapters for SQS and SQLite."""
