-- Every list fills its first page in small books too, so that the same number of lines is shown.
-- A name's words come from its number, so that a search for one finds a few percent of all.
INSERT INTO organizations (organization_id, id_key, name, name_key, type, status, address, time_zone, currency,
    updated_at)
SELECT 'O-' || n, 'o-' || n, (ARRAY['Acme','Bolt','Cedar','Delta','Eagle','Foster','Grand','Harbor','Iron','Jupiter'])[1 + n % 10] || ' ' || (ARRAY['Dental','Foods','Freight','Gardens','Legal','Motors','Press'])[1 + n % 7] || ' ' || n, lower((ARRAY['Acme','Bolt','Cedar','Delta','Eagle','Foster','Grand','Harbor','Iron','Jupiter'])[1 + n % 10] || ' ' || (ARRAY['Dental','Foods','Freight','Gardens','Legal','Motors','Press'])[1 + n % 7] || ' ' || n), 'Managed', 'active', n || ' Mill Road', '', 'USD', now()
FROM generate_series(1, ${organizations}) n;

INSERT INTO contacts (organization_id, position, name, is_primary, starred_by_hand, starred_by_crm, is_default)
SELECT 'O-' || n, 0, 'Contact ' || n, true, false, false, true FROM generate_series(1, ${organizations}) n;

INSERT INTO addresses (contact_id, email_key, position, email)
SELECT contact_id, email, 0, email
FROM (SELECT contact_id, 'ap' || substr(organization_id, 3) || '@client.example' AS email FROM contacts) one;

INSERT INTO invoices (organization_id, number, issued_on, due_on, currency, amount_minor, listed_balance_minor,
    books_balance_minor, balance_minor, paid_here_minor, reserved_minor, status, updated_at)
SELECT 'O-' || (1 + n % ${organizations}), 'INV-' || n, current_date - 200, current_date + 30 - ((n::bigint * 7919) % 200)::int,
    CASE WHEN n % 20 = 0 THEN 'EUR' ELSE 'USD' END, 10000 + n % 90000, 10000 + n % 90000, 10000 + n % 90000,
    10000 + n % 90000, 0, 0, CASE WHEN n % 10 = 9 THEN 'paid' ELSE 'open' END, now()
FROM generate_series(1, ${invoices}) n;

INSERT INTO sync_runs (started_at, completed_at, added, changed, unchanged, refused)
VALUES (now(), now(), ${invoices}, 0, 0, 0);

INSERT INTO payments (payment_id, quote_id, idempotency_key, method_digest, method_label, organization_id,
    invoice_id, invoice_number, amount_minor, currency, payer_email, state, failure_reason, created_at, ended_at,
    acknowledged_at, checks, books_minor)
SELECT 'p-' || invoice_id, 'q-' || invoice_id, 'k-' || invoice_id, '', 'Sandbox card ending 4242',
    organization_id, invoice_id, number, 100, currency, 'a@client.example',
    CASE WHEN invoice_id % 50 = 0 OR invoice_id BETWEEN 501 AND 800 THEN 'failed' ELSE 'succeeded' END,
    CASE WHEN invoice_id % 50 = 0 OR invoice_id BETWEEN 501 AND 800 THEN 'CARD_DECLINED' ELSE '' END,
    now() - invoice_id * interval '13 s', now(), CASE WHEN invoice_id % 500 <> 5 AND invoice_id > 300 THEN now() END, 0, 0
FROM invoices WHERE invoice_id % 5 = 0;

INSERT INTO outbox (fact_id, name, body, occurred_at, request_id, delivered_at, published_at)
SELECT 'f-' || n, 'payment_succeeded', '{}', now(), '', now(), now() FROM generate_series(1, ${payments}) n;
