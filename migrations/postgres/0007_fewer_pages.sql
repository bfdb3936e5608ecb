-- Indexes that had each ride or text write a page of its own somewhere, for questions that
-- others answer as well.

-- +goose Up
-- A person's live rides are among their rides since the oldest live one of anybody.
DROP INDEX rides_customer_live;
DROP INDEX rides_driver_live;
-- The carrier's ids are random. A report that does not name its message by our reference is
-- about one of the last, which are looked into part by part: see 0005_ride_texts.sql.
DROP INDEX messages_carrier;
CREATE INDEX messages_carrier ON messages ((id / 1024), carrier_id) WHERE carrier_id IS NOT NULL AND kind <> 'inbound';

-- +goose Down
DROP INDEX messages_carrier;
CREATE INDEX messages_carrier ON messages (carrier_id) WHERE carrier_id IS NOT NULL AND kind <> 'inbound';
CREATE INDEX rides_driver_live ON rides (driver_id) WHERE state <> 'closed';
CREATE INDEX rides_customer_live ON rides (customer_id) WHERE state <> 'closed';
