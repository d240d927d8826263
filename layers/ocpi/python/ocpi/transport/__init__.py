"""HTTP: the envelope, status codes, authentication, paging, and how a request reaches its handler."""
