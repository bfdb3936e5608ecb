-- What the pages of rides and the figures of the home page need.

-- +goose Up
-- The words that a search finds: of names, of places, and the digits of numbers
-- from the last to the first, so that their ends are found. about says which, and
-- with it what id is the id of.
CREATE TABLE words (
    about TEXT NOT NULL,
    -- Compared byte by byte, as the search does.
    word  TEXT COLLATE "C" NOT NULL,
    id    BIGINT NOT NULL,
    PRIMARY KEY (about, word, id)
);

CREATE INDEX rides_number ON rides (number_id, id);
CREATE INDEX rides_state ON rides (state, id);
CREATE INDEX rides_day ON rides (datetime, id);
CREATE INDEX rides_state_day ON rides (state, datetime, id);

-- How many texts were sent, delivered and failed in a minute (Unix time / 60).
-- Minutes are counted once nothing more can happen in them.
CREATE TABLE text_minutes (
    minute    BIGINT PRIMARY KEY,
    sent      BIGINT NOT NULL DEFAULT 0,
    delivered BIGINT NOT NULL DEFAULT 0,
    failed    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX messages_sent ON messages (sent_at) WHERE sent_at > 0;
CREATE INDEX messages_settled ON messages (settled_at, state) WHERE settled_at > 0;

-- +goose Down
DROP INDEX messages_settled;
DROP INDEX messages_sent;
DROP TABLE text_minutes;
DROP INDEX rides_state_day;
DROP INDEX rides_day;
DROP INDEX rides_state;
DROP INDEX rides_number;
DROP TABLE words;
