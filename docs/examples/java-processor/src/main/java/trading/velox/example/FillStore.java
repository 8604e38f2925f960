package trading.velox.example;

import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.kafka.common.TopicPartition;

/**
 * Fills, what they sum up to, and how far each partition was read: all of it in one database, so that one transaction
 * moves all of it or none. After kill -9 at any moment the effect and the place belong together.
 */
final class FillStore implements AutoCloseable {
    record Fill(String account, long seq, String symbol, String side, BigDecimal quantity, BigDecimal price) {
        BigDecimal signedQuantity() {
            return side.equals("buy") ? quantity : quantity.negate();
        }
    }

    private final Connection database;

    FillStore(String file) throws SQLException {
        database = DriverManager.getConnection("jdbc:sqlite:" + file);
        try (var statement = database.createStatement()) {
            statement.execute("PRAGMA journal_mode = WAL");
            statement.execute("PRAGMA synchronous = FULL");
            // Decimals are text: as a number SQLite would make floats of them.
            statement.execute("CREATE TABLE IF NOT EXISTS fills (account TEXT, seq INTEGER, symbol TEXT, side TEXT,"
                + " quantity TEXT, price TEXT, PRIMARY KEY (account, seq))");
            statement.execute("CREATE TABLE IF NOT EXISTS totals (symbol TEXT PRIMARY KEY, fills INTEGER, net TEXT)");
            statement.execute("CREATE TABLE IF NOT EXISTS places (topic TEXT, partition INTEGER, next INTEGER,"
                + " PRIMARY KEY (topic, partition))");
        }
        // From here on a transaction is open until commit or rollback says otherwise.
        database.setAutoCommit(false);
    }

    /** Where to go on in a partition; empty when nothing of it was read. */
    OptionalLong place(TopicPartition partition) throws SQLException {
        try (var query = prepare("SELECT next FROM places WHERE topic = ? AND partition = ?",
                partition.topic(), partition.partition());
            ResultSet row = query.executeQuery()) {
            return row.next() ? OptionalLong.of(row.getLong(1)) : OptionalLong.empty();
        } finally {
            database.rollback();
        }
    }

    /**
     * Counts the fills among the records {@code first} to {@code next - 1} of a partition, and keeps {@code next}: one
     * transaction.
     *
     * @return those that were new, or empty when another process has read this partition further meanwhile: one that lost
     *     it without noticing yet must not count anything
     */
    Optional<List<Fill>> take(TopicPartition partition, long first, long next, List<Fill> fills) throws SQLException {
        try {
            // The write comes first: it takes SQLite's lock before anything is read.
            int moved = update("INSERT INTO places VALUES (?, ?, ?)"
                + " ON CONFLICT DO UPDATE SET next = excluded.next WHERE next <= ?",
                partition.topic(), partition.partition(), next, first);
            if (moved == 0) {
                return Optional.empty();
            }
            var counted = new ArrayList<Fill>();
            for (Fill fill : fills) {
                // Velox may write an event again (at least once), at another offset: the account and the number of the
                // event in it are what tells that it is the same.
                int added = update("INSERT OR IGNORE INTO fills VALUES (?, ?, ?, ?, ?, ?)", fill.account(), fill.seq(),
                    fill.symbol(), fill.side(), fill.quantity().toPlainString(), fill.price().toPlainString());
                if (added == 1) {
                    add(fill);
                    counted.add(fill);
                }
            }
            database.commit();
            return Optional.of(counted);
        } finally {
            // After a commit there is nothing left to undo.
            database.rollback();
        }
    }

    /** A sum: done twice it would be wrong, which is why the place is kept with it. */
    private void add(Fill fill) throws SQLException {
        BigDecimal net = fill.signedQuantity();
        try (var query = prepare("SELECT net FROM totals WHERE symbol = ?", fill.symbol());
            ResultSet row = query.executeQuery()) {
            net = row.next() ? new BigDecimal(row.getString(1)).add(net) : net;
        }
        update("INSERT INTO totals VALUES (?, 1, ?) ON CONFLICT DO UPDATE SET fills = fills + 1, net = excluded.net",
            fill.symbol(), net.toPlainString());
    }

    /** What was counted so far, as a sentence. */
    String summary() throws SQLException {
        try (var query = prepare("SELECT symbol, fills, net FROM totals ORDER BY symbol");
            ResultSet row = query.executeQuery()) {
            var parts = new ArrayList<String>();
            while (row.next()) {
                String net = plain(new BigDecimal(row.getString(3)));
                parts.add(row.getLong(2) + " of " + row.getString(1) + ", net " + net);
            }
            return parts.isEmpty() ? "none" : String.join("; ", parts);
        } finally {
            database.rollback();
        }
    }

    static String plain(BigDecimal number) {
        return number.stripTrailingZeros().toPlainString();
    }

    private int update(String sql, Object... values) throws SQLException {
        try (var statement = prepare(sql, values)) {
            return statement.executeUpdate();
        }
    }

    private PreparedStatement prepare(String sql, Object... values) throws SQLException {
        PreparedStatement statement = database.prepareStatement(sql);
        for (int index = 0; index < values.length; index++) {
            statement.setObject(index + 1, values[index]);
        }
        return statement;
    }

    @Override
    public void close() throws SQLException {
        database.close();
    }
}
