SELECT count(*) AS rows FROM {table} WHERE {group_column} = %(group)s
