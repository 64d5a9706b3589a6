CREATE TABLE {table} (
    {id} UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    {aggregate_type} VARCHAR(100) NOT NULL,
    {aggregate_id} VARCHAR(255) NOT NULL,
    {event_type} VARCHAR(100) NOT NULL,
    {payload} JSONB NOT NULL,
    {created_at} TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    {published_at} TIMESTAMPTZ,
    {retry_count} INTEGER NOT NULL DEFAULT 0,
    {last_error} TEXT
)
