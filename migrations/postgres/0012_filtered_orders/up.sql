-- A page of what few orders are is read by an index; without one it walks all orders of the tenant. Each change of an order
-- is a new row, and a new entry in every index that holds it. So those by state, symbol and strategy hold closed orders only:
-- one entry an order, when it has ended, which is why all states have an index, the common ones (filled) beside the rare
-- ones (denied). What is open in such a list is looked for among the tenant's open orders. Together the five cost a third
-- of what an order's rows cost to write without them; with the open ones in all, they would cost two thirds. A side has
-- none: there are two.
--
-- The words of the first two are those of `lists.rs`, which repeats them so that the planner sees that the index answers.
--
-- Takes two to six seconds a million orders, during which nobody writes orders. An index of such a name that is there
-- stays: docs/operations.md (Upgrade) says how to make them beforehand, while everybody works.
CREATE INDEX IF NOT EXISTS orders_open_by_org ON orders (org_id, id)
    WHERE status IN ('pending_new', 'routed', 'new', 'partially_filled', 'pending_cancel', 'pending_replace', 'unknown');
CREATE INDEX IF NOT EXISTS orders_open_by_account ON orders (account_id, id)
    WHERE status IN ('pending_new', 'routed', 'new', 'partially_filled', 'pending_cancel', 'pending_replace', 'unknown');
CREATE INDEX IF NOT EXISTS orders_closed_by_status ON orders (org_id, status, id) WHERE NOT is_open;
CREATE INDEX IF NOT EXISTS orders_closed_by_symbol ON orders (org_id, symbol, id) WHERE NOT is_open;
CREATE INDEX IF NOT EXISTS orders_closed_by_strategy ON orders (org_id, strategy_id, id)
    WHERE NOT is_open AND strategy_id IS NOT NULL;
