-- What is deleted once KEEP has passed is found by its age, and found quickly.

-- +goose Up
-- Whoever deletes a ride deletes its texts first, and finds them by their parts: see
-- 0005_ride_texts.sql. To be sure of that itself, SQLite would read all texts for each ride. A call
-- may outlive its ride by as much as it was made later. A reference is taken out of what a table was made with as
-- https://www.sqlite.org/lang_altertable.html says, chapter 7: it is nowhere else.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = REPLACE(sql, 'ride_id      BIGINT REFERENCES rides (id),', 'ride_id      BIGINT,')
    WHERE type = 'table' AND name IN ('messages', 'calls');
PRAGMA writable_schema = RESET;
CREATE INDEX rides_closed ON rides (closed_at, id) WHERE closed_at > 0;
CREATE INDEX messages_alone ON messages (id) WHERE ride_id IS NULL;
CREATE INDEX number_uses_age ON number_uses (used_at) WHERE used_at > 0 AND NOT live;
CREATE INDEX customers_deleted ON customers (deleted_at) WHERE deleted_at > 0;
CREATE INDEX drivers_deleted ON drivers (deleted_at) WHERE deleted_at > 0;

-- +goose Down
DROP INDEX drivers_deleted;
DROP INDEX customers_deleted;
DROP INDEX number_uses_age;
DROP INDEX messages_alone;
DROP INDEX rides_closed;
UPDATE calls SET ride_id = NULL WHERE NOT EXISTS (SELECT 1 FROM rides WHERE id = calls.ride_id);
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = REPLACE(sql, 'ride_id      BIGINT,', 'ride_id      BIGINT REFERENCES rides (id),')
    WHERE type = 'table' AND name IN ('messages', 'calls');
PRAGMA writable_schema = RESET;
