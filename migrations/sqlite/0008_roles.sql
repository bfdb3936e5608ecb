-- Which of a ride's two parties a route or a text is of. Numbers do not tell for ever: both
-- parties may change phones, and one may get the other's former one.

-- +goose Up
-- The role of party in its ride.
ALTER TABLE routes ADD COLUMN role TEXT NOT NULL DEFAULT 'customer' CHECK (role IN ('customer', 'driver'));
-- Live routes have the numbers of today, which tell; of those released before a change of phones the
-- customer's was made first.
UPDATE routes SET role = 'driver' WHERE COALESCE(
    (SELECT CASE WHEN routes.party = d.number AND routes.peer = c.number THEN 'driver'
            WHEN routes.party = c.number AND routes.peer = d.number THEN 'customer' END
        FROM rides r JOIN customers c ON c.id = r.customer_id JOIN drivers d ON d.id = r.driver_id WHERE r.id = routes.ride_id),
    CASE WHEN EXISTS (SELECT 1 FROM routes earlier WHERE earlier.ride_id = routes.ride_id AND earlier.id < routes.id) THEN 'driver' END,
    'customer') = 'driver';
-- Who of a ride wrote an inbound text, or whom an outbound one is for. NULL: it is of no ride,
-- or was stored before this.
ALTER TABLE messages ADD COLUMN role TEXT;

-- +goose Down
ALTER TABLE messages DROP COLUMN role;
ALTER TABLE routes DROP COLUMN role;
