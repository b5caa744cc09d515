// The PostgreSQL JDBC driver as tools for business intelligence use it; the URL is the argument.
// Run as a single file: java -cp postgresql.jar WithJdbc.java URL

import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

class WithJdbc {
    // What a Metabase-like tool asks of each table it has found, and what its questions become.
    static final String[] QUESTIONS = {
        "SELECT \"public\".\"orders\".\"id\" AS \"id\", \"public\".\"orders\".\"status\" AS \"status\", "
            + "SUBSTRING(\"public\".\"orders\".\"note\", 1, 1234) AS \"substring7\" FROM \"public\".\"orders\" LIMIT 10000",
        "SELECT COUNT(*) AS \"count\" FROM \"public\".\"orders\"",
        "SELECT COUNT(DISTINCT \"public\".\"orders\".\"status\") AS \"count\" FROM \"public\".\"orders\"",
        "SELECT \"public\".\"orders\".\"status\" AS \"status\" FROM \"public\".\"orders\" "
            + "GROUP BY \"public\".\"orders\".\"status\" ORDER BY \"public\".\"orders\".\"status\" ASC LIMIT 1000",
        "SELECT DATE_TRUNC('month', \"public\".\"orders\".\"placed_at\") AS \"placed_at\", SUM(\"public\".\"orders\".\"total\") "
            + "AS \"sum\" FROM \"public\".\"orders\" GROUP BY DATE_TRUNC('month', \"public\".\"orders\".\"placed_at\") "
            + "ORDER BY DATE_TRUNC('month', \"public\".\"orders\".\"placed_at\") ASC",
        "SELECT CAST(\"public\".\"orders\".\"placed_at\" AS date) AS \"placed_at\", COUNT(*) AS \"count\" FROM \"public\".\"orders\" "
            + "WHERE \"public\".\"orders\".\"placed_at\" >= DATE_TRUNC('month', (NOW() + INTERVAL '-30 month')) "
            + "AND \"public\".\"orders\".\"placed_at\" < DATE_TRUNC('month', NOW()) GROUP BY CAST(\"public\".\"orders\".\"placed_at\" AS date) "
            + "ORDER BY CAST(\"public\".\"orders\".\"placed_at\" AS date) ASC",
        "SELECT \"source\".\"country\" AS \"country\", \"source\".\"count\" AS \"count\" FROM (SELECT \"Customers\".\"country\" AS \"country\", "
            + "COUNT(*) AS \"count\" FROM \"public\".\"orders\" LEFT JOIN \"public\".\"customers\" AS \"Customers\" "
            + "ON \"public\".\"orders\".\"customer_id\" = \"Customers\".\"id\" GROUP BY \"Customers\".\"country\") AS \"source\" "
            + "WHERE \"source\".\"count\" > 1 ORDER BY \"source\".\"count\" DESC LIMIT 2000",
        "SELECT FLOOR((\"public\".\"orders\".\"total\" / 10.0)) * 10.0 AS \"total\", COUNT(*) AS \"count\" FROM \"public\".\"orders\" "
            + "GROUP BY FLOOR((\"public\".\"orders\".\"total\" / 10.0)) * 10.0 ORDER BY FLOOR((\"public\".\"orders\".\"total\" / 10.0)) * 10.0 ASC",
        "SELECT EXTRACT(isodow FROM \"public\".\"orders\".\"placed_at\") AS \"day\", AVG(\"public\".\"orders\".\"total\") AS \"avg\" "
            + "FROM \"public\".\"orders\" GROUP BY EXTRACT(isodow FROM \"public\".\"orders\".\"placed_at\") ORDER BY 1",
        "-- Metabase:: userID: 1 queryType: native queryHash: 0f\nSELECT status, sum(total) FROM orders GROUP BY status",
        "with table_privileges as (select NULL as role, t.schemaname as schema, t.objectname as table, "
            + "pg_catalog.has_any_column_privilege(current_user, '\"' || replace(t.schemaname, '\"', '\"\"') || '\".\"' || "
            + "replace(t.objectname, '\"', '\"\"') || '\"', 'update') as update from (select schemaname, tablename as objectname "
            + "from pg_catalog.pg_tables union select schemaname, viewname as objectname from pg_catalog.pg_views) t "
            + "where t.schemaname !~ '^pg_' and t.schemaname <> 'information_schema' and "
            + "pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage')) select t.* from table_privileges t",
        "SELECT n.nspname AS schema, c.relname AS name, CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' "
            + "WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS type, "
            + "d.description AS description, NULLIF(stat.n_live_tup, 0) AS estimated_row_count FROM pg_catalog.pg_class AS c "
            + "INNER JOIN pg_catalog.pg_namespace AS n ON c.relnamespace = n.oid LEFT JOIN pg_catalog.pg_description AS d "
            + "ON c.oid = d.objoid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass LEFT JOIN pg_stat_user_tables AS stat "
            + "ON n.nspname = stat.schemaname AND c.relname = stat.relname WHERE c.relnamespace = n.oid "
            + "AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'f', 'm') "
            + "ORDER BY type, schema, name",
        "SHOW TIMEZONE",
        "SELECT NOW()",
    };

    public static void main(String[] arguments) throws SQLException {
        try (Connection connection = DriverManager.getConnection(arguments[0])) {
            describe(connection.getMetaData());
            ask(connection);
            write(connection);
        }
        try (Connection simple = DriverManager.getConnection(arguments[0] + "&preferQueryMode=simple&ApplicationName=simple")) {
            read(simple.createStatement().executeQuery("SELECT id, body FROM notes WHERE id = 1"));
        }
    }

    static void describe(DatabaseMetaData known) throws SQLException {
        read(known.getSchemas());
        read(known.getCatalogs());
        read(known.getTableTypes());
        read(known.getTables(null, null, "%", new String[] {"TABLE", "PARTITIONED TABLE", "VIEW", "MATERIALIZED VIEW"}));
        read(known.getTables(null, "public", "ord%", null));
        read(known.getColumns(null, "public", "orders", null));
        read(known.getColumns(null, "public", null, null));
        read(known.getPrimaryKeys(null, "public", "orders"));
        read(known.getImportedKeys(null, "public", "orders"));
        read(known.getExportedKeys(null, "public", "orders"));
        read(known.getCrossReference(null, "public", "customers", null, "public", "orders"));
        read(known.getIndexInfo(null, "public", "orders", false, true));
        read(known.getBestRowIdentifier(null, "public", "orders", DatabaseMetaData.bestRowSession, true));
        read(known.getVersionColumns(null, "public", "orders"));
        read(known.getTablePrivileges(null, "public", "orders"));
        read(known.getColumnPrivileges(null, "public", "orders", "%"));
        read(known.getTypeInfo());
        read(known.getUDTs(null, null, "%", null));
        read(known.getProcedures(null, "app", null));
        read(known.getProcedureColumns(null, "app", "archive_orders", null));
        read(known.getFunctions(null, "app", null));
        read(known.getFunctionColumns(null, "app", "vat", null));
        read(known.getClientInfoProperties());
        known.getSQLKeywords();
        known.getDefaultTransactionIsolation();
    }

    static void ask(Connection connection) throws SQLException {
        connection.setReadOnly(true);
        connection.setAutoCommit(false);
        connection.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        for (String question : QUESTIONS) {
            try (PreparedStatement asked = connection.prepareStatement(question)) {
                asked.setFetchSize(500);
                ResultSet answer = asked.executeQuery();
                for (int at = 1; at <= answer.getMetaData().getColumnCount(); at++) {
                    answer.getMetaData().isAutoIncrement(at);
                    answer.getMetaData().getTableName(at);
                }
                read(answer);
            }
            connection.rollback();
        }
        try (PreparedStatement asked = connection.prepareStatement(
                "SELECT id, status FROM orders WHERE placed_at BETWEEN ? AND ? AND status = ANY (?::order_status[]) AND total > ?")) {
            asked.setTimestamp(1, java.sql.Timestamp.valueOf("2024-01-01 00:00:00"));
            asked.setTimestamp(2, java.sql.Timestamp.valueOf("2025-01-01 00:00:00"));
            asked.setArray(3, connection.createArrayOf("text", new String[] {"new", "paid"}));
            asked.setBigDecimal(4, java.math.BigDecimal.ONE);
            for (int at = 0; at < 7; at++) {  // past prepareThreshold
                read(asked.executeQuery());
            }
        }
        connection.commit();
        connection.setReadOnly(false);
    }

    static void write(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        try (PreparedStatement batch = connection.prepareStatement("INSERT INTO notes (id, body) VALUES (?, ?)")) {
            for (int at = 200; at < 203; at++) {
                batch.setLong(1, at);
                batch.setString(2, "in a batch");
                batch.addBatch();
            }
            batch.executeBatch();
        }
        var saved = connection.setSavepoint();
        try (PreparedStatement keyed = connection.prepareStatement("UPDATE notes SET body = ? WHERE id = ?")) {
            keyed.setString(1, "changed");
            keyed.setLong(2, 200);
            keyed.executeUpdate();
        }
        connection.releaseSavepoint(saved);
        try (PreparedStatement made = connection.prepareStatement(
                "INSERT INTO categories (id, name) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
            made.setLong(1, 50);
            made.setString(2, "made");
            made.executeUpdate();
        }
        connection.commit();
        connection.setAutoCommit(true);
        try (Statement plain = connection.createStatement()) {
            plain.executeUpdate("DELETE FROM notes WHERE id = 201");
        }
        connection.isValid(5);
        connection.setSchema("public");
        connection.getSchema();
    }

    static void read(ResultSet answer) throws SQLException {
        while (answer.next()) {
            answer.getObject(1);
        }
        answer.close();
    }
}
