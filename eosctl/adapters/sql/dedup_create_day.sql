CREATE TABLE {day_table} PARTITION OF {table} FOR VALUES FROM ({first}) TO ({until})
