//! The PostgreSQL driver of entail, over tokio-postgres.
