CREATE TABLE {table} (
    {message_id} VARCHAR(255) NOT NULL,
    {day} DATE NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    {processed_at} TIMESTAMPTZ NOT NULL DEFAULT now(),
    {partition} INTEGER NOT NULL,
    {offset} VARCHAR(50) NOT NULL,
    PRIMARY KEY ({message_id}, {day})
) PARTITION BY RANGE ({day})
