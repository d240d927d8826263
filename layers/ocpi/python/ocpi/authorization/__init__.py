"""Real-time authorization in both roles: may this token charge here, now (OCPI 2.1.1, section 12.2.2.2)."""
