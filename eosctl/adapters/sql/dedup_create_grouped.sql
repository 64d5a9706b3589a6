CREATE TABLE {table} (
    {consumer_group} VARCHAR(255) NOT NULL,
    {message_id} VARCHAR(255) NOT NULL,
    {processed_at} TIMESTAMPTZ NOT NULL DEFAULT now(),
    {partition} INTEGER NOT NULL,
    {offset} VARCHAR(50) NOT NULL,
    PRIMARY KEY ({consumer_group}, {message_id})
)
