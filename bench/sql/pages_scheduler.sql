UPDATE calendar SET time_zone = 'UTC', automatic = false, sandbox = true;
UPDATE rules SET enabled = true;

INSERT INTO notices (notice_id, type, organization_id, invoice_id, invoice_number, due_on, threshold_days, state,
    reason, detail, decided_at, as_of, message_id)
SELECT 'n-' || n, 'due_notice', 'O-' || (1 + n % ${organizations}), n, 'INV-' || n,
    current_date + 30 - ((n::bigint * 7919) % 200)::int, 15,
    (ARRAY['sent','sent','skipped','superseded','held'])[1 + n % 5], 'RULE_REACHED', '',
    now() - n * interval '3 s', now(), CASE WHEN n % 2 = 0 THEN '<n-' || n || '@harbor.example>' ELSE '' END
FROM generate_series(1, ${invoices}) n;

INSERT INTO decisions (notice_id, state, reason, detail, decided_at, as_of)
SELECT notice_id, CASE half WHEN 1 THEN 'queued' ELSE state END, reason, '', decided_at, as_of
FROM notices CROSS JOIN generate_series(1, 2) half;

INSERT INTO inbox (fact_id, name, body, occurred_at, request_id, received_at, handled_at, attempts,
    next_attempt_at)
SELECT 'f-' || n, 'message_sent', '{}', now(), '', now(), now(), 0, now()
FROM generate_series(1, ${invoices} / 2) n;

INSERT INTO inbox (fact_id, name, body, occurred_at, request_id, received_at, attempts, next_attempt_at, error,
    parked_at)
SELECT 'd-' || n, 'payment_succeeded', '{}', now(), '', now(), 20, now(), 'KeyError: payment', now()
FROM generate_series(1, greatest(60, ${invoices} / 1000)) n;
