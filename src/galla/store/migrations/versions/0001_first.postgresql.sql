-- Frozen: what migration 0001 runs on postgresql, one statement a paragraph. tables.py may go on, this may not.

CREATE TABLE audit (
    merchant_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    origin TEXT NOT NULL,
    action TEXT NOT NULL,
    object_id TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    CONSTRAINT pk_audit PRIMARY KEY (merchant_id, position)
)

CREATE INDEX ix_audit_merchant_id_object_id ON audit (merchant_id, object_id)

CREATE TABLE entries (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    event TEXT NOT NULL,
    "on" TEXT NOT NULL,
    description TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_entries PRIMARY KEY (merchant_id, id),
    CONSTRAINT uq_entries_merchant_id_object_id_event UNIQUE (merchant_id, object_id, event)
)

CREATE TABLE events (
    merchant_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    type TEXT NOT NULL,
    object_id TEXT NOT NULL,
    bill_id TEXT,
    sequence BIGINT NOT NULL,
    data TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_events PRIMARY KEY (merchant_id, position),
    CONSTRAINT uq_events_merchant_id_object_id_sequence UNIQUE (merchant_id, object_id, sequence)
)

CREATE INDEX ix_events_merchant_id_bill_id ON events (merchant_id, bill_id)

CREATE INDEX ix_events_merchant_id_type_position ON events (merchant_id, type, position)

CREATE TABLE merchants (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    mid TEXT NOT NULL,
    sealed_key TEXT NOT NULL,
    website TEXT NOT NULL,
    client_id TEXT,
    channel_id TEXT NOT NULL,
    mcc TEXT,
    gstin TEXT,
    upi_limit_paise BIGINT NOT NULL,
    collect_allowed BIGINT NOT NULL,
    void_cutoff TEXT NOT NULL,
    refund_limit_paise BIGINT,
    environment TEXT NOT NULL,
    callback_token TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_merchants PRIMARY KEY (id),
    CONSTRAINT uq_merchants_mid_environment UNIQUE (mid, environment),
    CONSTRAINT uq_merchants_callback_token UNIQUE (callback_token),
    CONSTRAINT ck_merchants_collect_allowed CHECK (collect_allowed IN (0, 1)),
    CONSTRAINT ck_merchants_refund_limit CHECK (refund_limit_paise IS NULL OR refund_limit_paise >= 0)
)

CREATE TABLE migrations (
    revision TEXT NOT NULL,
    oldest_reader TEXT NOT NULL,
    CONSTRAINT pk_migrations PRIMARY KEY (revision)
)

CREATE TABLE accounts (
    merchant_id TEXT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    CONSTRAINT pk_accounts PRIMARY KEY (merchant_id, code),
    CONSTRAINT fk_accounts_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id)
)

CREATE TABLE api_keys (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    digest TEXT NOT NULL,
    prefix TEXT NOT NULL,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    CONSTRAINT pk_api_keys PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_api_keys_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT uq_api_keys_digest UNIQUE (digest)
)

CREATE TABLE callbacks (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    paytm_id TEXT,
    said TEXT,
    data TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_callbacks PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_callbacks_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT uq_callbacks_merchant_id_digest UNIQUE (merchant_id, digest)
)

CREATE INDEX ix_callbacks_merchant_id_paytm_id ON callbacks (merchant_id, paytm_id)

CREATE TABLE customers (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT,
    phone TEXT,
    external_id TEXT,
    name_key TEXT COLLATE "C",
    phone_key TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    erased_at BIGINT,
    CONSTRAINT pk_customers PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_customers_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT uq_customers_merchant_id_external_id UNIQUE (merchant_id, external_id),
    CONSTRAINT ck_customers_erased CHECK (erased_at IS NULL OR (name IS NULL AND phone IS NULL AND external_id IS NULL AND name_key IS NULL AND phone_key IS NULL))
)

CREATE INDEX ix_customers_merchant_id_name_key ON customers (merchant_id, name_key)

CREATE INDEX ix_customers_merchant_id_phone_key ON customers (merchant_id, phone_key)

CREATE UNIQUE INDEX uq_customers_known ON customers (merchant_id, phone_key, name_key) WHERE external_id IS NULL

CREATE TABLE heads (
    merchant_id TEXT NOT NULL,
    event_position BIGINT NOT NULL,
    audit_position BIGINT NOT NULL,
    audit_hash TEXT NOT NULL,
    CONSTRAINT pk_heads PRIMARY KEY (merchant_id),
    CONSTRAINT fk_heads_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id)
)

CREATE TABLE idempotency_keys (
    merchant_id TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    object_id TEXT NOT NULL,
    answer TEXT,
    lease_until BIGINT NOT NULL,
    claimed_by BIGINT,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (merchant_id, key),
    CONSTRAINT fk_idempotency_keys_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id)
)

CREATE INDEX ix_idempotency_keys_open ON idempotency_keys (lease_until) WHERE answer IS NULL

CREATE TABLE receipts (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    code TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_receipts PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_receipts_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT uq_receipts_merchant_id_object_id UNIQUE (merchant_id, object_id),
    CONSTRAINT uq_receipts_merchant_id_number UNIQUE (merchant_id, number),
    CONSTRAINT uq_receipts_code UNIQUE (code),
    CONSTRAINT ck_receipts_number CHECK (number > 0)
)

CREATE TABLE saved_views (
    merchant_id TEXT NOT NULL,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_saved_views PRIMARY KEY (merchant_id, person, name),
    CONSTRAINT fk_saved_views_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id)
)

CREATE TABLE series (
    merchant_id TEXT NOT NULL,
    branch TEXT NOT NULL,
    year TEXT NOT NULL,
    prefix TEXT NOT NULL,
    last BIGINT NOT NULL,
    CONSTRAINT pk_series PRIMARY KEY (merchant_id, branch, year),
    CONSTRAINT fk_series_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT uq_series_merchant_id_year_prefix UNIQUE (merchant_id, year, prefix),
    CONSTRAINT ck_series_last CHECK (last BETWEEN 1 AND 999999),
    CONSTRAINT ck_series_length CHECK (length(prefix) BETWEEN 1 AND 3 AND length(year) = 5)
)

CREATE TABLE sessions (
    merchant_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    person TEXT,
    actor TEXT NOT NULL,
    counter TEXT,
    scopes TEXT NOT NULL,
    csrf TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    idle_ms BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT pk_sessions PRIMARY KEY (digest),
    CONSTRAINT fk_sessions_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT ck_sessions_kind CHECK (kind IN ('session', 'ticket', 'invitation', 'setup'))
)

CREATE INDEX ix_sessions_merchant_id_person ON sessions (merchant_id, person)

CREATE TABLE shifts (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    counter TEXT NOT NULL,
    opened_by TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    float_paise BIGINT NOT NULL,
    closed_by TEXT,
    witness TEXT,
    closed_at BIGINT,
    counted_paise BIGINT,
    expected_paise BIGINT,
    difference_reason TEXT,
    report TEXT,
    number BIGINT,
    sequence BIGINT NOT NULL,
    CONSTRAINT pk_shifts PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_shifts_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT ck_shifts_float CHECK (float_paise >= 0),
    CONSTRAINT ck_shifts_counted CHECK (counted_paise IS NULL OR counted_paise >= 0),
    CONSTRAINT ck_shifts_closed CHECK ((closed_at IS NULL) = (closed_by IS NULL)),
    CONSTRAINT ck_shifts_numbered CHECK ((closed_at IS NULL) = (number IS NULL)),
    CONSTRAINT uq_shifts_merchant_id_counter_number UNIQUE (merchant_id, counter, number)
)

CREATE INDEX ix_shifts_merchant_id_opened_at ON shifts (merchant_id, opened_at)

CREATE UNIQUE INDEX uq_shifts_open ON shifts (merchant_id, counter) WHERE closed_at IS NULL

CREATE TABLE tasks (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    payment_id TEXT,
    bill_id TEXT,
    message TEXT NOT NULL,
    next_step TEXT NOT NULL,
    amount_paise BIGINT,
    owner TEXT,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    closed_at BIGINT,
    closed_by TEXT,
    note TEXT,
    CONSTRAINT pk_tasks PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_tasks_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT ck_tasks_closed CHECK ((closed_at IS NULL) = (closed_by IS NULL))
)

CREATE INDEX ix_tasks_merchant_id_created_at ON tasks (merchant_id, created_at)

CREATE INDEX ix_tasks_merchant_id_object_id ON tasks (merchant_id, object_id)

CREATE INDEX ix_tasks_merchant_id_payment_id ON tasks (merchant_id, payment_id)

CREATE UNIQUE INDEX uq_tasks_open ON tasks (merchant_id, object_id, kind) WHERE closed_at IS NULL

CREATE TABLE terminals (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    tid TEXT NOT NULL,
    label TEXT NOT NULL,
    branch TEXT NOT NULL,
    is_active BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_terminals PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_terminals_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT uq_terminals_merchant_id_tid UNIQUE (merchant_id, tid),
    CONSTRAINT ck_terminals_is_active CHECK (is_active IN (0, 1))
)

CREATE TABLE users (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL,
    branch TEXT,
    password_hash TEXT,
    created_at BIGINT NOT NULL,
    signed_in_at BIGINT,
    disabled_at BIGINT,
    CONSTRAINT pk_users PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_users_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT uq_users_merchant_id_name UNIQUE (merchant_id, name),
    CONSTRAINT uq_users_merchant_id_display_name UNIQUE (merchant_id, display_name),
    CONSTRAINT ck_users_role CHECK (role IN ('cashier', 'lead', 'accountant', 'admin'))
)

CREATE TABLE webhook_endpoints (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    url TEXT NOT NULL,
    description TEXT,
    events TEXT NOT NULL,
    sealed_secret TEXT NOT NULL,
    previous_secret TEXT,
    previous_until BIGINT,
    position BIGINT NOT NULL,
    is_enabled BIGINT NOT NULL,
    disabled_reason TEXT,
    disabled_at BIGINT,
    sequence BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_webhook_endpoints PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_webhook_endpoints_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT ck_webhook_endpoints_is_enabled CHECK (is_enabled IN (0, 1)),
    CONSTRAINT ck_webhook_endpoints_previous CHECK ((previous_secret IS NULL) = (previous_until IS NULL)),
    CONSTRAINT ck_webhook_endpoints_disabled CHECK ((is_enabled = 1) = (disabled_at IS NULL))
)

CREATE TABLE bills (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    number TEXT NOT NULL,
    number_key TEXT COLLATE "C" NOT NULL,
    branch TEXT,
    customer_id TEXT,
    customer_name TEXT,
    customer_phone TEXT,
    name_key TEXT COLLATE "C",
    phone_key TEXT COLLATE "C",
    total_paise BIGINT NOT NULL,
    tax_paise BIGINT NOT NULL,
    discount_paise BIGINT DEFAULT '0' NOT NULL,
    place_of_supply TEXT,
    is_interstate BIGINT DEFAULT '0' NOT NULL,
    paid_paise BIGINT DEFAULT '0' NOT NULL,
    live_paise BIGINT DEFAULT '0' NOT NULL,
    is_overcommitted BIGINT DEFAULT '0' NOT NULL,
    is_cancelled BIGINT DEFAULT '0' NOT NULL,
    metadata TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_bills PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_bills_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT uq_bills_merchant_id_number UNIQUE (merchant_id, number),
    CONSTRAINT ck_bills_total CHECK (total_paise BETWEEN 1 AND 999999999999),
    CONSTRAINT ck_bills_tax CHECK (tax_paise BETWEEN 0 AND total_paise),
    CONSTRAINT ck_bills_discount CHECK (discount_paise >= 0),
    CONSTRAINT ck_bills_paid CHECK (paid_paise BETWEEN 0 AND total_paise),
    CONSTRAINT ck_bills_live CHECK (live_paise >= 0),
    CONSTRAINT ck_bills_reserved CHECK (paid_paise + live_paise <= total_paise OR is_overcommitted = 1),
    CONSTRAINT ck_bills_is_overcommitted CHECK (is_overcommitted IN (0, 1)),
    CONSTRAINT ck_bills_is_interstate CHECK (is_interstate IN (0, 1)),
    CONSTRAINT ck_bills_place CHECK (is_interstate = 0 OR place_of_supply IS NOT NULL),
    CONSTRAINT ck_bills_is_cancelled CHECK (is_cancelled IN (0, 1)),
    CONSTRAINT fk_bills_customers FOREIGN KEY(merchant_id, customer_id) REFERENCES customers (merchant_id, id)
)

CREATE INDEX ix_bills_due ON bills (merchant_id, id) WHERE paid_paise < total_paise AND is_cancelled = 0

CREATE INDEX ix_bills_merchant_id_created_at ON bills (merchant_id, created_at)

CREATE INDEX ix_bills_merchant_id_customer_id ON bills (merchant_id, customer_id)

CREATE INDEX ix_bills_merchant_id_name_key_id ON bills (merchant_id, name_key, id)

CREATE INDEX ix_bills_merchant_id_number_key_id ON bills (merchant_id, number_key, id)

CREATE INDEX ix_bills_merchant_id_phone_key_id ON bills (merchant_id, phone_key, id)

CREATE TABLE deliveries (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    type TEXT NOT NULL,
    object_id TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT,
    claimed_by BIGINT,
    fence BIGINT NOT NULL,
    answer_status BIGINT,
    answer TEXT,
    tried_at BIGINT,
    ended_at BIGINT,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_deliveries PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_deliveries_webhook_endpoints FOREIGN KEY(merchant_id, endpoint_id) REFERENCES webhook_endpoints (merchant_id, id),
    CONSTRAINT fk_deliveries_events FOREIGN KEY(merchant_id, position) REFERENCES events (merchant_id, position),
    CONSTRAINT uq_deliveries_merchant_id_endpoint_id_position UNIQUE (merchant_id, endpoint_id, position),
    CONSTRAINT ck_deliveries_state CHECK (state IN ('waiting', 'delivered', 'failed')),
    CONSTRAINT ck_deliveries_due CHECK (state = 'waiting' OR due_at IS NULL),
    CONSTRAINT ck_deliveries_ended CHECK ((state = 'waiting') = (ended_at IS NULL))
)

CREATE INDEX ix_deliveries_claimed ON deliveries (claimed_by) WHERE claimed_by IS NOT NULL

CREATE INDEX ix_deliveries_due ON deliveries (merchant_id, endpoint_id, due_at) WHERE due_at IS NOT NULL

CREATE INDEX ix_deliveries_failed ON deliveries (merchant_id, endpoint_id, position) WHERE state = 'failed'

CREATE INDEX ix_deliveries_open ON deliveries (merchant_id, endpoint_id, object_id, position) WHERE state = 'waiting'

CREATE TABLE drawer_movements (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    shift_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount_paise BIGINT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    attempt TEXT,
    at BIGINT NOT NULL,
    CONSTRAINT pk_drawer_movements PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_drawer_movements_shifts FOREIGN KEY(merchant_id, shift_id) REFERENCES shifts (merchant_id, id),
    CONSTRAINT uq_drawer_movements_merchant_id_attempt UNIQUE (merchant_id, attempt),
    CONSTRAINT ck_drawer_movements_kind CHECK (kind IN ('pay_in', 'pay_out')),
    CONSTRAINT ck_drawer_movements_amount CHECK (amount_paise > 0)
)

CREATE INDEX ix_drawer_movements_merchant_id_shift_id ON drawer_movements (merchant_id, shift_id)

CREATE TABLE postings (
    merchant_id TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    line BIGINT NOT NULL,
    account TEXT NOT NULL,
    amount_paise BIGINT NOT NULL,
    CONSTRAINT pk_postings PRIMARY KEY (merchant_id, entry_id, line),
    CONSTRAINT fk_postings_entries FOREIGN KEY(merchant_id, entry_id) REFERENCES entries (merchant_id, id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT fk_postings_accounts FOREIGN KEY(merchant_id, account) REFERENCES accounts (merchant_id, code),
    CONSTRAINT ck_postings_amount CHECK (amount_paise <> 0)
)

CREATE INDEX ix_postings_merchant_id_account ON postings (merchant_id, account)

CREATE TABLE prints (
    merchant_id TEXT NOT NULL,
    receipt_id TEXT NOT NULL,
    copy BIGINT NOT NULL,
    actor TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_prints PRIMARY KEY (merchant_id, receipt_id, copy),
    CONSTRAINT fk_prints_receipts FOREIGN KEY(merchant_id, receipt_id) REFERENCES receipts (merchant_id, id),
    CONSTRAINT ck_prints_copy CHECK (copy > 0)
)

CREATE TABLE shift_lines (
    merchant_id TEXT NOT NULL,
    object_id TEXT NOT NULL,
    shift_id TEXT NOT NULL,
    CONSTRAINT pk_shift_lines PRIMARY KEY (merchant_id, object_id),
    CONSTRAINT fk_shift_lines_shifts FOREIGN KEY(merchant_id, shift_id) REFERENCES shifts (merchant_id, id)
)

CREATE INDEX ix_shift_lines_merchant_id_shift_id ON shift_lines (merchant_id, shift_id)

CREATE TABLE bill_lines (
    merchant_id TEXT NOT NULL,
    bill_id TEXT NOT NULL,
    position BIGINT NOT NULL,
    description TEXT NOT NULL,
    hsn TEXT,
    quantity_milli BIGINT NOT NULL,
    unit_paise BIGINT NOT NULL,
    gross_paise BIGINT NOT NULL,
    discount_paise BIGINT NOT NULL,
    share_paise BIGINT NOT NULL,
    tax_bp BIGINT NOT NULL,
    taxable_paise BIGINT NOT NULL,
    tax_paise BIGINT NOT NULL,
    amount_paise BIGINT NOT NULL,
    CONSTRAINT pk_bill_lines PRIMARY KEY (merchant_id, bill_id, position),
    CONSTRAINT fk_bill_lines_bills FOREIGN KEY(merchant_id, bill_id) REFERENCES bills (merchant_id, id),
    CONSTRAINT ck_bill_lines_signs CHECK (quantity_milli > 0 AND unit_paise >= 0 AND tax_bp >= 0),
    CONSTRAINT ck_bill_lines_parts CHECK (discount_paise >= 0 AND share_paise >= 0 AND taxable_paise >= 0 AND tax_paise >= 0),
    CONSTRAINT ck_bill_lines_gross CHECK (gross_paise = (quantity_milli * unit_paise + 500) / 1000),
    CONSTRAINT ck_bill_lines_amount CHECK (amount_paise = taxable_paise + tax_paise),
    CONSTRAINT ck_bill_lines_net CHECK (gross_paise - discount_paise - share_paise IN (amount_paise, taxable_paise))
)

CREATE TABLE payments (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    environment TEXT NOT NULL,
    mid TEXT NOT NULL,
    method TEXT NOT NULL,
    amount_paise BIGINT NOT NULL,
    currency TEXT NOT NULL,
    paytm_id TEXT NOT NULL,
    status TEXT NOT NULL,
    phase TEXT NOT NULL,
    reference TEXT,
    description TEXT,
    bill_id TEXT,
    terminal_id TEXT,
    tid TEXT,
    machine TEXT,
    shown_on TEXT,
    accept TEXT NOT NULL,
    customer_name TEXT,
    customer_phone TEXT,
    metadata TEXT NOT NULL,
    actor TEXT NOT NULL,
    counter TEXT,
    reason TEXT,
    proof_id TEXT,
    rrn TEXT,
    card_last4 TEXT,
    link TEXT,
    code TEXT,
    session TEXT,
    vpa TEXT,
    expires_at BIGINT,
    can_rebegin BIGINT NOT NULL,
    tendered_paise BIGINT,
    refunded_paise BIGINT DEFAULT '0' NOT NULL,
    refunding_paise BIGINT DEFAULT '0' NOT NULL,
    void_cutoff TEXT,
    is_voided BIGINT DEFAULT '0' NOT NULL,
    needs_review BIGINT NOT NULL,
    is_late BIGINT NOT NULL,
    is_exclusive BIGINT NOT NULL,
    holds_terminal BIGINT NOT NULL,
    sends BIGINT NOT NULL,
    may_resend BIGINT NOT NULL,
    unsent_count BIGINT NOT NULL,
    sent_at BIGINT,
    accepted_at BIGINT,
    asked_at BIGINT,
    settled_at BIGINT,
    cancel_requested_at BIGINT,
    not_found_count BIGINT NOT NULL,
    checks BIGINT NOT NULL,
    misses BIGINT NOT NULL,
    jitter BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT,
    lease_until BIGINT,
    claimed_by BIGINT,
    fence BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    CONSTRAINT pk_payments PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_payments_merchants FOREIGN KEY(merchant_id) REFERENCES merchants (id),
    CONSTRAINT fk_payments_bills FOREIGN KEY(merchant_id, bill_id) REFERENCES bills (merchant_id, id),
    CONSTRAINT fk_payments_terminals FOREIGN KEY(merchant_id, terminal_id) REFERENCES terminals (merchant_id, id),
    CONSTRAINT uq_payments_mid_paytm_id UNIQUE (mid, paytm_id),
    CONSTRAINT uq_payments_proof UNIQUE (merchant_id, id, mid, paytm_id, amount_paise, currency),
    CONSTRAINT ck_payments_amount CHECK (amount_paise BETWEEN 1 AND 999999999999),
    CONSTRAINT ck_payments_currency CHECK (currency = 'INR'),
    CONSTRAINT ck_payments_status CHECK (status IN ('created', 'pending', 'in_doubt', 'paid', 'not_paid')),
    CONSTRAINT ck_payments_proof CHECK ((status = 'paid') = (proof_id IS NOT NULL)),
    CONSTRAINT ck_payments_holds CHECK (holds_terminal = 0 OR (status IN ('created', 'pending', 'in_doubt') AND terminal_id IS NOT NULL)),
    CONSTRAINT ck_payments_due CHECK (NOT (status IN ('created', 'pending', 'in_doubt')) OR due_at IS NOT NULL),
    CONSTRAINT ck_payments_tendered_cash CHECK ((method = 'cash') = (tendered_paise IS NOT NULL)),
    CONSTRAINT ck_payments_tendered CHECK (tendered_paise IS NULL OR tendered_paise >= amount_paise),
    CONSTRAINT ck_payments_refund_signs CHECK (refunded_paise >= 0 AND refunding_paise >= 0),
    CONSTRAINT ck_payments_refund_cap CHECK (refunded_paise + refunding_paise <= amount_paise),
    CONSTRAINT ck_payments_refund_of_paid CHECK (status = 'paid' OR refunded_paise + refunding_paise = 0),
    CONSTRAINT ck_payments_void_is_whole CHECK (is_voided = 0 OR refunded_paise = amount_paise),
    CONSTRAINT ck_payments_needs_review CHECK (needs_review IN (0, 1)),
    CONSTRAINT ck_payments_is_late CHECK (is_late IN (0, 1)),
    CONSTRAINT ck_payments_is_exclusive CHECK (is_exclusive IN (0, 1)),
    CONSTRAINT ck_payments_holds_terminal CHECK (holds_terminal IN (0, 1)),
    CONSTRAINT ck_payments_may_resend CHECK (may_resend IN (0, 1)),
    CONSTRAINT ck_payments_can_rebegin CHECK (can_rebegin IN (0, 1)),
    CONSTRAINT ck_payments_is_voided CHECK (is_voided IN (0, 1))
)
 WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)

CREATE INDEX ix_payments_bill_id ON payments (merchant_id, bill_id) WHERE bill_id IS NOT NULL

CREATE INDEX ix_payments_card_last4 ON payments (merchant_id, card_last4) WHERE card_last4 IS NOT NULL

CREATE INDEX ix_payments_customer_phone ON payments (merchant_id, customer_phone) WHERE customer_phone IS NOT NULL

CREATE INDEX ix_payments_due ON payments (due_at) WHERE due_at IS NOT NULL

CREATE INDEX ix_payments_merchant_id_actor ON payments (merchant_id, actor)

CREATE INDEX ix_payments_merchant_id_created_at ON payments (merchant_id, created_at)

CREATE INDEX ix_payments_merchant_id_paytm_id ON payments (merchant_id, paytm_id)

CREATE INDEX ix_payments_open ON payments (merchant_id, created_at) WHERE status IN ('created', 'pending', 'in_doubt') OR needs_review = 1

CREATE INDEX ix_payments_reference ON payments (merchant_id, reference) WHERE reference IS NOT NULL

CREATE INDEX ix_payments_rrn ON payments (merchant_id, rrn) WHERE rrn IS NOT NULL

CREATE INDEX ix_payments_settled ON payments (merchant_id, terminal_id, settled_at) WHERE settled_at IS NOT NULL

CREATE INDEX ix_payments_shown ON payments (merchant_id, shown_on) WHERE shown_on IS NOT NULL

CREATE INDEX ix_payments_taken ON payments (merchant_id, counter, settled_at) WHERE status = 'paid' AND counter IS NOT NULL

CREATE UNIQUE INDEX uq_payments_reference_live ON payments (merchant_id, reference) WHERE status IN ('created', 'pending', 'in_doubt') AND bill_id IS NULL AND reference IS NOT NULL AND is_exclusive = 1

CREATE UNIQUE INDEX uq_payments_terminal_held ON payments (merchant_id, terminal_id) WHERE holds_terminal = 1

CREATE TABLE attachments (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    bill_id TEXT NOT NULL,
    amount_paise BIGINT NOT NULL,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_attachments PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_attachments_payments FOREIGN KEY(merchant_id, payment_id) REFERENCES payments (merchant_id, id),
    CONSTRAINT fk_attachments_bills FOREIGN KEY(merchant_id, bill_id) REFERENCES bills (merchant_id, id),
    CONSTRAINT ck_attachments_amount CHECK (amount_paise > 0)
)

CREATE INDEX ix_attachments_merchant_id_bill_id ON attachments (merchant_id, bill_id)

CREATE INDEX ix_attachments_merchant_id_payment_id ON attachments (merchant_id, payment_id)

CREATE TABLE exchanges (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    outcome TEXT NOT NULL,
    request TEXT,
    response TEXT,
    http_status BIGINT,
    duration_ms BIGINT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT pk_exchanges PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_exchanges_payments FOREIGN KEY(merchant_id, payment_id) REFERENCES payments (merchant_id, id)
)

CREATE INDEX ix_exchanges_merchant_id_payment_id ON exchanges (merchant_id, payment_id)

CREATE TABLE pay_links (
    merchant_id TEXT NOT NULL,
    token TEXT NOT NULL,
    bill_id TEXT,
    payment_id TEXT,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_pay_links PRIMARY KEY (token),
    CONSTRAINT fk_pay_links_bills FOREIGN KEY(merchant_id, bill_id) REFERENCES bills (merchant_id, id),
    CONSTRAINT fk_pay_links_payments FOREIGN KEY(merchant_id, payment_id) REFERENCES payments (merchant_id, id)
)

CREATE INDEX ix_pay_links_merchant_id_bill_id ON pay_links (merchant_id, bill_id)

CREATE INDEX ix_pay_links_merchant_id_payment_id ON pay_links (merchant_id, payment_id)

CREATE TABLE proofs (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    mid TEXT NOT NULL,
    paytm_id TEXT NOT NULL,
    amount_paise BIGINT NOT NULL,
    currency TEXT NOT NULL,
    transaction_id TEXT,
    source TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT pk_proofs PRIMARY KEY (merchant_id, id),
    CONSTRAINT uq_proofs_merchant_id_payment_id UNIQUE (merchant_id, payment_id),
    CONSTRAINT uq_proofs_mid_transaction_id UNIQUE (mid, transaction_id),
    CONSTRAINT fk_proofs_payments FOREIGN KEY(merchant_id, payment_id, mid, paytm_id, amount_paise, currency) REFERENCES payments (merchant_id, id, mid, paytm_id, amount_paise, currency)
)

CREATE TABLE refunds (
    merchant_id TEXT NOT NULL,
    id TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    mid TEXT NOT NULL,
    ref_id TEXT NOT NULL,
    refund_id TEXT,
    amount_paise BIGINT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    choice TEXT,
    trouble TEXT,
    actor TEXT NOT NULL,
    approver TEXT,
    counter TEXT,
    rrn TEXT,
    needs_review BIGINT NOT NULL,
    sends BIGINT NOT NULL,
    may_resend BIGINT NOT NULL,
    not_found_count BIGINT NOT NULL,
    checks BIGINT NOT NULL,
    misses BIGINT NOT NULL,
    jitter BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    settled_at BIGINT,
    expires_at BIGINT,
    asked_at BIGINT,
    due_at BIGINT,
    lease_until BIGINT,
    claimed_by BIGINT,
    fence BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    CONSTRAINT pk_refunds PRIMARY KEY (merchant_id, id),
    CONSTRAINT fk_refunds_payments FOREIGN KEY(merchant_id, payment_id) REFERENCES payments (merchant_id, id),
    CONSTRAINT uq_refunds_mid_ref_id UNIQUE (mid, ref_id),
    CONSTRAINT ck_refunds_amount CHECK (amount_paise BETWEEN 1 AND 999999999999),
    CONSTRAINT ck_refunds_kind CHECK (kind IN ('refund', 'void')),
    CONSTRAINT ck_refunds_status CHECK (status IN ('created', 'pending', 'in_doubt', 'done', 'failed')),
    CONSTRAINT ck_refunds_due CHECK (status IN ('done', 'failed') OR due_at IS NOT NULL),
    CONSTRAINT ck_refunds_needs_review CHECK (needs_review IN (0, 1)),
    CONSTRAINT ck_refunds_may_resend CHECK (may_resend IN (0, 1))
)

CREATE INDEX ix_refunds_done ON refunds (merchant_id, settled_at) WHERE status = 'done'

CREATE INDEX ix_refunds_due ON refunds (due_at) WHERE due_at IS NOT NULL

CREATE INDEX ix_refunds_merchant_id_payment_id ON refunds (merchant_id, payment_id)

CREATE INDEX ix_refunds_merchant_id_status ON refunds (merchant_id, status)

CREATE INDEX ix_refunds_open ON refunds (merchant_id) WHERE status IN ('created', 'pending', 'in_doubt')

CREATE INDEX ix_refunds_review ON refunds (merchant_id) WHERE needs_review = 1

CREATE UNIQUE INDEX uq_refunds_void_open ON refunds (merchant_id, payment_id) WHERE kind = 'void' AND status IN ('created', 'pending', 'in_doubt')

CREATE FUNCTION galla_proofs_kept_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: proofs is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER proofs_kept_update BEFORE UPDATE ON proofs FOR EACH ROW EXECUTE FUNCTION galla_proofs_kept_update()

CREATE FUNCTION galla_proofs_kept_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: proofs is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER proofs_kept_delete BEFORE DELETE ON proofs FOR EACH ROW EXECUTE FUNCTION galla_proofs_kept_delete()

CREATE FUNCTION galla_exchanges_kept_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: exchanges is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER exchanges_kept_update BEFORE UPDATE ON exchanges FOR EACH ROW EXECUTE FUNCTION galla_exchanges_kept_update()

CREATE FUNCTION galla_exchanges_kept_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: exchanges is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER exchanges_kept_delete BEFORE DELETE ON exchanges FOR EACH ROW EXECUTE FUNCTION galla_exchanges_kept_delete()

CREATE FUNCTION galla_events_kept_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: events is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER events_kept_update BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION galla_events_kept_update()

CREATE FUNCTION galla_events_kept_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: events is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER events_kept_delete BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION galla_events_kept_delete()

CREATE FUNCTION galla_audit_kept_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: audit is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER audit_kept_update BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION galla_audit_kept_update()

CREATE FUNCTION galla_audit_kept_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: audit is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER audit_kept_delete BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION galla_audit_kept_delete()

CREATE FUNCTION galla_entries_kept_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: entries is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER entries_kept_update BEFORE UPDATE ON entries FOR EACH ROW EXECUTE FUNCTION galla_entries_kept_update()

CREATE FUNCTION galla_entries_kept_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: entries is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER entries_kept_delete BEFORE DELETE ON entries FOR EACH ROW EXECUTE FUNCTION galla_entries_kept_delete()

CREATE FUNCTION galla_postings_kept_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: postings is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER postings_kept_update BEFORE UPDATE ON postings FOR EACH ROW EXECUTE FUNCTION galla_postings_kept_update()

CREATE FUNCTION galla_postings_kept_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: postings is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER postings_kept_delete BEFORE DELETE ON postings FOR EACH ROW EXECUTE FUNCTION galla_postings_kept_delete()

CREATE FUNCTION galla_callbacks_kept_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: callbacks is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER callbacks_kept_update BEFORE UPDATE ON callbacks FOR EACH ROW EXECUTE FUNCTION galla_callbacks_kept_update()

CREATE FUNCTION galla_callbacks_kept_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: callbacks is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER callbacks_kept_delete BEFORE DELETE ON callbacks FOR EACH ROW EXECUTE FUNCTION galla_callbacks_kept_delete()

CREATE FUNCTION galla_attachments_kept_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: attachments is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER attachments_kept_update BEFORE UPDATE ON attachments FOR EACH ROW EXECUTE FUNCTION galla_attachments_kept_update()

CREATE FUNCTION galla_attachments_kept_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: attachments is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER attachments_kept_delete BEFORE DELETE ON attachments FOR EACH ROW EXECUTE FUNCTION galla_attachments_kept_delete()

CREATE FUNCTION galla_receipts_kept_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: receipts is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER receipts_kept_update BEFORE UPDATE ON receipts FOR EACH ROW EXECUTE FUNCTION galla_receipts_kept_update()

CREATE FUNCTION galla_receipts_kept_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: receipts is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER receipts_kept_delete BEFORE DELETE ON receipts FOR EACH ROW EXECUTE FUNCTION galla_receipts_kept_delete()

CREATE FUNCTION galla_prints_kept_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: prints is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER prints_kept_update BEFORE UPDATE ON prints FOR EACH ROW EXECUTE FUNCTION galla_prints_kept_update()

CREATE FUNCTION galla_prints_kept_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: prints is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER prints_kept_delete BEFORE DELETE ON prints FOR EACH ROW EXECUTE FUNCTION galla_prints_kept_delete()

CREATE FUNCTION galla_shift_lines_kept_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: shift_lines is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER shift_lines_kept_update BEFORE UPDATE ON shift_lines FOR EACH ROW EXECUTE FUNCTION galla_shift_lines_kept_update()

CREATE FUNCTION galla_shift_lines_kept_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: shift_lines is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER shift_lines_kept_delete BEFORE DELETE ON shift_lines FOR EACH ROW EXECUTE FUNCTION galla_shift_lines_kept_delete()

CREATE FUNCTION galla_drawer_movements_kept_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: drawer_movements is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER drawer_movements_kept_update BEFORE UPDATE ON drawer_movements FOR EACH ROW EXECUTE FUNCTION galla_drawer_movements_kept_update()

CREATE FUNCTION galla_drawer_movements_kept_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: drawer_movements is append-only' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER drawer_movements_kept_delete BEFORE DELETE ON drawer_movements FOR EACH ROW EXECUTE FUNCTION galla_drawer_movements_kept_delete()

CREATE FUNCTION galla_payments_paid_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.status = 'paid' AND NEW.status <> 'paid' THEN RAISE EXCEPTION 'galla: a paid payment stays paid' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER payments_paid_stays BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION galla_payments_paid_stays()

CREATE FUNCTION galla_payments_late_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.status = 'not_paid' AND NEW.status NOT IN ('not_paid', 'paid') THEN RAISE EXCEPTION 'galla: a payment that is not paid can only become paid' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER payments_late_only BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION galla_payments_late_only()

CREATE FUNCTION galla_payments_identity() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.id <> NEW.id OR OLD.merchant_id <> NEW.merchant_id OR OLD.mid <> NEW.mid OR OLD.paytm_id <> NEW.paytm_id OR OLD.amount_paise <> NEW.amount_paise OR OLD.tendered_paise <> NEW.tendered_paise OR OLD.currency <> NEW.currency OR OLD.method <> NEW.method OR OLD.environment <> NEW.environment THEN RAISE EXCEPTION 'galla: the identity of a payment never changes' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER payments_identity BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION galla_payments_identity()

CREATE FUNCTION galla_payments_fence() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.fence < OLD.fence THEN RAISE EXCEPTION 'galla: a fencing token never goes back' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER payments_fence BEFORE UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION galla_payments_fence()

CREATE FUNCTION galla_payments_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: a payment is never deleted' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER payments_kept BEFORE DELETE ON payments FOR EACH ROW EXECUTE FUNCTION galla_payments_kept()

CREATE FUNCTION galla_shifts_frozen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.closed_at IS NOT NULL THEN RAISE EXCEPTION 'galla: a closed shift never changes' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER shifts_frozen BEFORE UPDATE ON shifts FOR EACH ROW EXECUTE FUNCTION galla_shifts_frozen()

CREATE FUNCTION galla_shifts_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: a shift is never deleted' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER shifts_kept BEFORE DELETE ON shifts FOR EACH ROW EXECUTE FUNCTION galla_shifts_kept()

CREATE FUNCTION galla_refunds_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF 1 = 1 THEN RAISE EXCEPTION 'galla: a refund is never deleted' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD; END $$

CREATE TRIGGER refunds_kept BEFORE DELETE ON refunds FOR EACH ROW EXECUTE FUNCTION galla_refunds_kept()

CREATE FUNCTION galla_refunds_identity() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.id <> NEW.id OR OLD.ref_id <> NEW.ref_id OR OLD.amount_paise <> NEW.amount_paise OR OLD.payment_id <> NEW.payment_id OR (OLD.status = 'done' AND NEW.status <> 'done') THEN RAISE EXCEPTION 'galla: the identity of a refund never changes, and a done refund stays done' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER refunds_identity BEFORE UPDATE ON refunds FOR EACH ROW EXECUTE FUNCTION galla_refunds_identity()

CREATE FUNCTION galla_refunds_void_is_whole() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.kind = 'void' AND NEW.amount_paise <> (SELECT amount_paise FROM payments WHERE merchant_id = NEW.merchant_id AND id = NEW.payment_id) THEN RAISE EXCEPTION 'galla: a void gives back the whole payment' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER refunds_void_is_whole BEFORE INSERT ON refunds FOR EACH ROW EXECUTE FUNCTION galla_refunds_void_is_whole()

CREATE FUNCTION galla_entries_balance() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT count(*) FROM postings WHERE merchant_id = NEW.merchant_id AND entry_id = NEW.id) < 2 OR (SELECT sum(amount_paise) FROM postings WHERE merchant_id = NEW.merchant_id AND entry_id = NEW.id) <> 0 THEN RAISE EXCEPTION 'galla: an entry needs two lines or more that sum to zero' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER entries_balance BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION galla_entries_balance()

CREATE FUNCTION galla_postings_sealed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT 1 FROM entries WHERE merchant_id = NEW.merchant_id AND id = NEW.entry_id) THEN RAISE EXCEPTION 'galla: an entry that is written takes no more lines' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END $$

CREATE TRIGGER postings_sealed BEFORE INSERT ON postings FOR EACH ROW EXECUTE FUNCTION galla_postings_sealed()

CREATE VIEW paytm_transaction_report AS
SELECT p.id AS payment_id, p.merchant_id, p.paytm_id AS merchant_transaction_id, p.mid, p.tid, p.method,
       p.created_at, p.amount_paise, p.status, p.rrn, f.transaction_id AS paytm_transaction_id, f.data AS proof,
       b.number AS invoice_number, b.total_paise AS invoice_paise, b.customer_name AS patient_name,
       p.actor AS cashier, p.counter, p.reference
FROM payments p
LEFT JOIN bills b ON b.merchant_id = p.merchant_id AND b.id = p.bill_id
LEFT JOIN proofs f ON f.merchant_id = p.merchant_id AND f.payment_id = p.id
