-- Times are Unix milliseconds, 0 where there is none yet. Phone numbers are E.164.

-- +goose Up
CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE customers (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL,
    number     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Off the lists, but their past rides still name them.
    deleted_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX customers_number ON customers (number);

CREATE TABLE drivers (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL,
    number     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Off the lists, but their past rides still name them.
    deleted_at BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX drivers_number ON drivers (number);

CREATE TABLE proxy_numbers (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    number        TEXT NOT NULL UNIQUE,
    country       TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('available', 'draining', 'retired')),
    -- Rises with each number that becomes available; pool_walks says up to where
    -- a party's list of uses names every number.
    available_seq BIGINT NOT NULL,
    live_routes   BIGINT NOT NULL DEFAULT 0 CHECK (live_routes >= 0),
    used_at       BIGINT NOT NULL DEFAULT 0,
    created_at    BIGINT NOT NULL
);
CREATE INDEX proxy_numbers_choice ON proxy_numbers (country, live_routes, used_at, id) WHERE state = 'available';
CREATE INDEX proxy_numbers_seq ON proxy_numbers (country, available_seq) WHERE state = 'available';
CREATE UNIQUE INDEX proxy_numbers_newest ON proxy_numbers (available_seq);

CREATE TABLE rides (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    start       TEXT NOT NULL,
    destination TEXT NOT NULL,
    datetime    BIGINT NOT NULL,
    customer_id BIGINT NOT NULL REFERENCES customers (id),
    driver_id   BIGINT NOT NULL REFERENCES drivers (id),
    number_id   BIGINT NOT NULL REFERENCES proxy_numbers (id),
    state       TEXT NOT NULL CHECK (state IN ('open', 'lingering', 'closed')),
    cancelled   BOOLEAN NOT NULL DEFAULT FALSE,
    created_at  BIGINT NOT NULL,
    ended_at    BIGINT NOT NULL DEFAULT 0,
    closed_at   BIGINT NOT NULL DEFAULT 0,
    due_at      BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX rides_current ON rides (id) WHERE state <> 'closed';
CREATE INDEX rides_due ON rides (due_at) WHERE state <> 'closed';
CREATE INDEX rides_customer ON rides (customer_id, id);
CREATE INDEX rides_driver ON rides (driver_id, id);
CREATE INDEX rides_customer_live ON rides (customer_id) WHERE state <> 'closed';
CREATE INDEX rides_driver_live ON rides (driver_id) WHERE state <> 'closed';

-- When party dials number_id, connect peer, who sees peer_number_id. Both are
-- proxy_numbers that number_uses keeps from being deleted.
CREATE TABLE routes (
    id             INTEGER PRIMARY KEY,
    ride_id        BIGINT NOT NULL REFERENCES rides (id),
    party          TEXT NOT NULL,
    number_id      BIGINT NOT NULL,
    peer           TEXT NOT NULL,
    peer_number_id BIGINT NOT NULL,
    released_at    BIGINT NOT NULL DEFAULT 0,
    told_at        BIGINT NOT NULL DEFAULT 0,
    CHECK (party <> peer)
);
-- The first promise: nobody who dials a number can mean two people.
CREATE UNIQUE INDEX routes_live ON routes (number_id, party) WHERE released_at = 0;
CREATE INDEX routes_released ON routes (number_id, party, released_at) WHERE released_at > 0;
CREATE INDEX routes_ride ON routes (ride_id);

-- Who ever had which number, and when last (0: never, but listed): what the
-- choice of a number is made by.
CREATE TABLE number_uses (
    party      TEXT NOT NULL,
    number_id  BIGINT NOT NULL REFERENCES proxy_numbers (id),
    country    TEXT NOT NULL,
    assignable BOOLEAN NOT NULL,
    live       BOOLEAN NOT NULL,
    used_at    BIGINT NOT NULL,
    PRIMARY KEY (party, number_id)
) WITHOUT ROWID;
CREATE INDEX number_uses_oldest ON number_uses (party, country, used_at, number_id) WHERE assignable AND NOT live;
CREATE INDEX number_uses_number ON number_uses (number_id);

CREATE TABLE pool_walks (
    party         TEXT NOT NULL,
    country       TEXT NOT NULL,
    available_seq BIGINT NOT NULL,
    PRIMARY KEY (party, country)
);

-- The log and the outbox in one.
CREATE TABLE messages (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    kind         TEXT NOT NULL,
    state        TEXT NOT NULL,
    ride_id      BIGINT REFERENCES rides (id),
    cause_id     BIGINT REFERENCES messages (id),
    part         BIGINT NOT NULL DEFAULT 0,
    originator   TEXT NOT NULL,
    recipient    TEXT NOT NULL,
    body         TEXT NOT NULL,
    dedup_key    TEXT,
    carrier_id   TEXT,
    attempts     BIGINT NOT NULL DEFAULT 0,
    claimed_at   BIGINT NOT NULL DEFAULT 0,
    uncertain_at BIGINT NOT NULL DEFAULT 0,
    due_at       BIGINT NOT NULL DEFAULT 0,
    code         BIGINT NOT NULL DEFAULT 0,
    reason       TEXT NOT NULL DEFAULT '',
    created_at   BIGINT NOT NULL,
    sent_at      BIGINT NOT NULL DEFAULT 0,
    settled_at   BIGINT NOT NULL DEFAULT 0
);
-- The second promise: a repeated webhook is the same row, and a row causes one answer of a kind.
CREATE UNIQUE INDEX messages_inbound ON messages (dedup_key) WHERE dedup_key IS NOT NULL;
CREATE UNIQUE INDEX messages_caused ON messages (cause_id, kind, part) WHERE cause_id IS NOT NULL;
CREATE INDEX messages_due ON messages (due_at, id) WHERE state IN ('queued', 'sending');
CREATE INDEX messages_lane ON messages (recipient, originator, id) WHERE state IN ('queued', 'sending');
CREATE INDEX messages_carrier ON messages (carrier_id) WHERE carrier_id IS NOT NULL;
CREATE INDEX messages_ride ON messages (ride_id, id) WHERE ride_id IS NOT NULL;
CREATE INDEX messages_failed ON messages (id) WHERE state = 'failed';
CREATE INDEX messages_unrouted ON messages (id) WHERE state = 'unrouted';

CREATE TABLE calls (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    ride_id      BIGINT REFERENCES rides (id),
    caller       TEXT,
    number       TEXT NOT NULL,
    connected_to TEXT,
    outcome      TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX calls_ride ON calls (ride_id, id) WHERE ride_id IS NOT NULL;

CREATE TABLE sessions (
    token      TEXT PRIMARY KEY,
    data       BLOB NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Signatures that were accepted, until they expire: none lets anything in twice.
CREATE TABLE signatures (
    id         TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX signatures_expiry ON signatures (expires_at);

-- +goose Down
DROP TABLE signatures;
DROP TABLE sessions;
DROP TABLE calls;
DROP TABLE messages;
DROP TABLE pool_walks;
DROP TABLE number_uses;
DROP TABLE routes;
DROP TABLE rides;
DROP TABLE proxy_numbers;
DROP TABLE drivers;
DROP TABLE customers;
DROP TABLE settings;
