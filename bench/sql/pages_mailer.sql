INSERT INTO messages (notice_id, message_id, organization_id, invoice_number, type, template_version,
    recipients, subject, state, created_at, asked_at, sent_at, attempts, drops, waits_for_review)
SELECT 'n-' || 2 * n, '<n-' || 2 * n || '@harbor.example>', 'O-' || (1 + 2 * n % ${organizations}),
    'INV-' || 2 * n, 'due_notice_after', 1, 'ap' || (1 + 2 * n % ${organizations}) || '@client.example',
    'Invoice INV-' || 2 * n || ' is past due', CASE WHEN n % 100 = 0 OR n <= 60 THEN 'failed' ELSE 'sent' END,
    now() - (${invoices} / 2 - n) * interval '6 s', now(),
    CASE WHEN n % 100 > 0 AND n > 60 THEN now() - (${invoices} / 2 - n) * interval '6 s' END, 1, 0, false
FROM generate_series(1, ${invoices} / 2) n;

INSERT INTO message_events (message, kind, occurred_at, detail)
SELECT id, kind, created_at, '' FROM messages
CROSS JOIN unnest(ARRAY['queue_triggered', 'queued', 'processed', 'sent']) kind;

INSERT INTO message_bodies (message, mime) SELECT id, ${mail} FROM messages;

INSERT INTO outbox (fact_id, name, body, occurred_at, request_id, delivered_at, published_at)
SELECT 'f-' || n, 'message_sent', '{}', now(), '', now(), now() FROM generate_series(1, ${invoices} / 2) n;
