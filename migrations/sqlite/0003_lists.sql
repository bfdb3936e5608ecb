-- What the pages of people and of numbers need.

-- +goose Up
CREATE INDEX customers_name ON customers (LOWER(name), id) WHERE deleted_at = 0;
CREATE INDEX drivers_name ON drivers (LOWER(name), id) WHERE deleted_at = 0;

-- A list of people on its way in: read from a file, looked at, then written.
CREATE TABLE rosters (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    role       TEXT NOT NULL CHECK (role IN ('customer', 'driver')),
    state      TEXT NOT NULL CHECK (state IN ('planned', 'running', 'done')),
    -- Lines up to this one are written.
    line       BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);
CREATE INDEX rosters_age ON rosters (created_at);

-- Its lines as they are in the file, with what will become of each or did.
CREATE TABLE roster_lines (
    roster_id BIGINT NOT NULL REFERENCES rosters (id),
    line      BIGINT NOT NULL,
    name      TEXT NOT NULL,
    number    TEXT NOT NULL,
    verdict   TEXT NOT NULL CHECK (verdict IN ('add', 'change', 'known', 'refuse')),
    note      TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (roster_id, line)
);
CREATE INDEX roster_lines_verdict ON roster_lines (roster_id, verdict, line);

-- How many texts went through a number of the pool on a day (20261121), counted
-- behind the texts' back.
CREATE TABLE number_days (
    number TEXT NOT NULL,
    day    BIGINT NOT NULL,
    texts  BIGINT NOT NULL,
    PRIMARY KEY (number, day)
);
CREATE INDEX number_days_day ON number_days (day);
CREATE INDEX messages_failed_at ON messages (settled_at) WHERE state = 'failed';

-- How much of the pool connected somebody at a day's busiest moment.
CREATE TABLE pool_days (
    day       BIGINT PRIMARY KEY,
    in_use    BIGINT NOT NULL,
    available BIGINT NOT NULL
);

-- +goose Down
DROP TABLE pool_days;
DROP INDEX messages_failed_at;
DROP TABLE number_days;
DROP TABLE roster_lines;
DROP TABLE rosters;
DROP INDEX drivers_name;
DROP INDEX customers_name;
