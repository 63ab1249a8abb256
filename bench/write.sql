\set n random(1, 64)
\set lock random(1, 9000000000000000000)
BEGIN;
SELECT pg_try_advisory_xact_lock(:lock::bigint), k.fingerprint, k.status, k.headers, k.body FROM (SELECT) AS once LEFT JOIN core_idempotency_key k ON k.account_id = ('01900000-0000-7000-8000-' || lpad(to_hex(:n::int), 12, '0'))::uuid AND k.key = 'pgbench-' || :lock::text;
INSERT INTO bench_thing (account_id, id, note, amount) VALUES (('01900000-0000-7000-8000-' || lpad(to_hex(:n::int), 12, '0'))::uuid, new_id(), 'a note of some length', 5);
INSERT INTO core_outbox (id, name, account_id, payload, context) VALUES (new_id(), 'bench.thing_made.v1', ('01900000-0000-7000-8000-' || lpad(to_hex(:n::int), 12, '0'))::uuid, '{"amount": 5, "thing_id": "019aa599-2fa5-7a37-b4ad-9f48e0a6ffbb", "account_id": "01900000-0000-7000-8000-000000000001"}', '{"account_id": "01900000-0000-7000-8000-000000000001", "request_id": "019aa599-2fa5-7a37-b4ad-9f48e0a6ffbb"}');
INSERT INTO core_idempotency_key (account_id, key, fingerprint, status, headers, body) VALUES (('01900000-0000-7000-8000-' || lpad(to_hex(:n::int), 12, '0'))::uuid, 'pgbench-' || :lock::text, '\x0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef', 201, '{"Content-Type": "application/json"}', '{"amount": 5,"id": "019aa599-2fa5-7a37-b4ad-9f48e0a6ffbb","note": "a note of some length"}');
COMMIT;
