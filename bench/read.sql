\set n random(1, 64)
SELECT bench_thing.id, bench_thing.note, bench_thing.amount FROM bench_thing WHERE bench_thing.account_id = ('01900000-0000-7000-8000-' || lpad(to_hex(:n::int), 12, '0'))::uuid AND bench_thing.id = ('01900000-0000-7000-8000-' || lpad(to_hex(:n::int), 12, '0'))::uuid;
