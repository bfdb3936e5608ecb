-- What is deleted once KEEP has passed is found by its age, and found quickly.

-- +goose Up
-- A call may outlive its ride by as much as it was made later.
ALTER TABLE calls DROP CONSTRAINT calls_ride_id_fkey;
-- For each ride that is deleted PostgreSQL makes sure that no text refers to it. Where there are so
-- many rides a day that one needs PostgreSQL, a ride's time has too many parts to look into, too. What an index that begins
-- with the ride costs is SQLite's: see 0005_ride_texts.sql.
DROP INDEX messages_ride;
CREATE INDEX messages_ride ON messages (ride_id) WHERE ride_id IS NOT NULL;
DROP INDEX calls_ride;
CREATE INDEX calls_ride ON calls (ride_id) WHERE ride_id IS NOT NULL;
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
DROP INDEX calls_ride;
CREATE INDEX calls_ride ON calls ((id / 1024), ride_id) WHERE ride_id IS NOT NULL;
DROP INDEX messages_ride;
CREATE INDEX messages_ride ON messages ((id / 1024), ride_id) WHERE ride_id IS NOT NULL;
UPDATE calls SET ride_id = NULL WHERE NOT EXISTS (SELECT 1 FROM rides WHERE id = calls.ride_id);
ALTER TABLE calls ADD CONSTRAINT calls_ride_id_fkey FOREIGN KEY (ride_id) REFERENCES rides (id);
