"""Django's PostgreSQL engine as Loupe uses it; named as ENGINE in the settings."""
