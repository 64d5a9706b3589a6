CREATE TABLE {table} (
    {message_id} VARCHAR(255) PRIMARY KEY,
    {processed_at} TIMESTAMPTZ NOT NULL DEFAULT now(),
    {partition} INTEGER NOT NULL,
    {offset} VARCHAR(50) NOT NULL
)
