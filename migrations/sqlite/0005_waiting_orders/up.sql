-- The executor looks for orders that wait for a call to their broker ten times a second. Next to none do at any moment,
-- however many rest at the broker: without this index each look reads every open order. The words are those of
-- `orders_in`, which repeats them so that the planner sees that the index answers.
CREATE INDEX orders_waiting ON orders (id)
    WHERE status IN ('pending_new', 'routed', 'pending_cancel', 'pending_replace', 'unknown');
