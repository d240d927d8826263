"""Serverless OCPI: everything that the Lambda functions share."""

__version__ = "0.1.0"
