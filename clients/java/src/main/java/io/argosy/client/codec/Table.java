package io.argosy.client.codec;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * Rows of named columns, kept as format {@code parquet}; a pandas DataFrame in Python. Immutable.
 *
 * <p>A table that was loaded keeps the types of its columns, so that saving it again gives an equal one.
 */
public final class Table {
    private final List<Column> columns;
    private final Map<String, String> metadata;

    Table(List<Column> columns, Map<String, String> metadata) {
        for (Column column : columns) {
            if (column.values().size() != columns.get(0).values().size()) {
                throw new IllegalArgumentException("column " + column.name() + " has " + column.values().size()
                        + " values, column " + columns.get(0).name() + " " + columns.get(0).values().size()
                        + "; columns of a table are equally long");
            }
        }
        this.columns = List.copyOf(columns);
        this.metadata = Map.copyOf(metadata);
    }

    /**
     * A column: values of one type, null where one is missing.
     *
     * @param parquetType what parquet says of it, null when it was made here; not named, as a Table needs no library
     */
    record Column(String name, List<Object> values, Object parquetType) {}

    /** Begins a table. */
    public static Builder builder() {
        return new Builder();
    }

    /** Returns the names of the columns, in order. */
    public List<String> columnNames() {
        return columns.stream().map(Column::name).toList();
    }

    /** Returns the number of rows. */
    public int rowCount() {
        return columns.isEmpty() ? 0 : columns.get(0).values().size();
    }

    /**
     * Returns the values of a column: {@link Boolean}, {@link Integer}, {@link Long}, {@link Float}, {@link Double},
     * {@link String} or {@code byte[]}, null where one is missing. Dates and times are the numbers parquet keeps.
     *
     * @throws IllegalArgumentException there is no such column
     */
    public List<Object> column(String name) {
        int at = columnNames().indexOf(name);
        if (at < 0) {
            throw new IllegalArgumentException("there is no column " + name + "; there are " + columnNames());
        }
        return Collections.unmodifiableList(columns.get(at).values());
    }

    List<Column> columns() {
        return columns;
    }

    /** Returns the key-value metadata of the file it came from. */
    Map<String, String> metadata() {
        return metadata;
    }

    /** Makes a table of columns of equal length. */
    public static final class Builder {
        private final List<Column> columns = new ArrayList<>();

        private Builder() {}

        /** A column of {@code float64}. */
        public Builder column(String name, double... values) {
            return add(name, Arrays.stream(values).boxed().toList());
        }

        /** A column of {@code int64}. */
        public Builder column(String name, long... values) {
            return add(name, Arrays.stream(values).boxed().toList());
        }

        /**
         * A column of the type its values have: {@link Boolean}, {@link Integer}, {@link Long}, {@link Float},
         * {@link Double}, {@link String} or {@code byte[]}, null where one is missing.
         */
        public Builder column(String name, List<?> values) {
            return add(name, values);
        }

        private Builder add(String name, List<?> values) {
            columns.add(new Column(name, new ArrayList<>(values), null));
            return this;
        }

        /**
         * @throws IllegalArgumentException the columns are not equally long
         */
        public Table build() {
            return new Table(columns, Map.of());
        }
    }
}
