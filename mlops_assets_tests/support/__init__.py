"""What tests share: small projects, a daemon, a Postgres server, a small disk."""
