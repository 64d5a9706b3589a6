UPDATE {table} SET {retry_count} = %(retry_count)s, {last_error} = %(error)s
WHERE {id} = %(id)s AND {published_at} IS NULL
