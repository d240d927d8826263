"""Pulling what partners have: a crawl of each module, page after page, and what becomes of it here."""
