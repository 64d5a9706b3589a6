SELECT hashtext('eosctl outbox ' || to_regclass(%(name)s)::oid::text) AS space
