-- Delivery reports are about outbound messages: the carrier's ids of inbound texts
-- need no index, which each of them would write a page of.

-- +goose Up
DROP INDEX messages_carrier;
CREATE INDEX messages_carrier ON messages (carrier_id) WHERE carrier_id IS NOT NULL AND kind <> 'inbound';

-- +goose Down
DROP INDEX messages_carrier;
CREATE INDEX messages_carrier ON messages (carrier_id) WHERE carrier_id IS NOT NULL;
