SELECT now() AS now, (SELECT min({processed_at}) FROM {table})::timestamptz AS oldest_at,
       (SELECT max({processed_at}) FROM {table})::timestamptz AS newest_at
