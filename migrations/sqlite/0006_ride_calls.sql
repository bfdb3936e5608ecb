-- A ride's calls are found as its texts are: see 0005_ride_texts.sql. They are recorded behind
-- the answer's back, also after the ride is over, so that a ride knows no last one.

-- +goose Up
-- No call of the ride has an id up to this.
ALTER TABLE rides ADD COLUMN calls_after BIGINT NOT NULL DEFAULT 0;
UPDATE rides SET calls_after = (SELECT MIN(id) - 1 FROM calls WHERE ride_id = rides.id)
    WHERE EXISTS (SELECT 1 FROM calls WHERE ride_id = rides.id);
DROP INDEX calls_ride;
CREATE INDEX calls_ride ON calls ((id / 1024), ride_id) WHERE ride_id IS NOT NULL;

-- +goose Down
DROP INDEX calls_ride;
CREATE INDEX calls_ride ON calls (ride_id, id) WHERE ride_id IS NOT NULL;
ALTER TABLE rides DROP COLUMN calls_after;
