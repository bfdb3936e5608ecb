-- A ride's texts are found by their neighbours in time. An index that begins with the ride
-- has each text write a page of its own, somewhere: two fifths of what storing a text cost with
-- SQLite. This one begins with the 1,024 ids that a text's is one of, so that all texts of a
-- moment write the same few pages; whoever asks looks into each such part of the ride's time.

-- +goose Up
-- No text of the ride has an id up to this.
ALTER TABLE rides ADD COLUMN texts_after BIGINT NOT NULL DEFAULT 0;
-- No text of the ride has a higher id; 0: the ride is live, and may get more.
ALTER TABLE rides ADD COLUMN texts_until BIGINT NOT NULL DEFAULT 0;
UPDATE rides SET
    texts_after = COALESCE((SELECT MIN(id) - 1 FROM messages WHERE ride_id = rides.id), 0),
    texts_until = CASE state WHEN 'closed' THEN COALESCE((SELECT MAX(id) FROM messages WHERE ride_id = rides.id), 1) ELSE 0 END;
DROP INDEX messages_ride;
CREATE INDEX messages_ride ON messages ((id / 1024), ride_id) WHERE ride_id IS NOT NULL;

-- +goose Down
DROP INDEX messages_ride;
CREATE INDEX messages_ride ON messages (ride_id, id) WHERE ride_id IS NOT NULL;
ALTER TABLE rides DROP COLUMN texts_until;
ALTER TABLE rides DROP COLUMN texts_after;
