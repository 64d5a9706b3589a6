SELECT id FROM payments ORDER BY entry
