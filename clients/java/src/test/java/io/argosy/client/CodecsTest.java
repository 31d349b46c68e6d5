package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.argosy.client.codec.Codec;
import io.argosy.client.codec.NewFile;
import io.argosy.client.codec.NpyArray;
import io.argosy.client.codec.StoredFiles;
import io.argosy.client.codec.Table;
import io.argosy.client.codec.Tagged;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Values there and back through a real server, equal and of the same type. */
class CodecsTest {
    private static ArgosyServer server;
    private static ArgosyClient client;

    @BeforeAll
    static void start() throws IOException {
        server = new ArgosyServer();
        client = server.client();
    }

    @AfterAll
    static void stop() throws Exception {
        client.close();
        server.close();
    }

    static Stream<Object> jsonValues() {
        Map<Object, Object> keys = new LinkedHashMap<>(Map.of(1L, "one"));
        keys.put(new Tagged("$tuple", List.of(1L, 2L)), null);
        return Stream.of(
                true, 0L, -7L, 1.0, -0.0, Double.NaN, Double.NEGATIVE_INFINITY, 5e-324,
                (1L << 53) + 1, Long.MIN_VALUE, BigInteger.ONE.shiftLeft(5_000).negate(),
                new BigDecimal("1.10"), UUID.fromString("0123abcd-0000-4000-8000-00000000000f"),
                LocalDate.of(2026, 3, 1), LocalTime.of(2, 30), LocalDateTime.of(2026, 3, 1, 12, 30, 0, 1_000),
                OffsetDateTime.of(2026, 3, 1, 12, 30, 5, 0, ZoneOffset.ofHoursMinutes(5, 30)),
                OffsetDateTime.of(2026, 3, 1, 12, 30, 5, 0, ZoneOffset.UTC),
                Duration.ofSeconds(-1), Duration.ofDays(3).plusNanos(5_000),
                List.of(), Map.of(), Set.of("b", "a"), keys, Map.of("$int", 1L), Map.of("$int", 1L, "b", 2L),
                "a lone \ud800 surrogate", List.of("\ud83c\udf89", "", List.of(List.of(Map.of("a", "b")))));
    }

    @ParameterizedTest
    @MethodSource("jsonValues")
    void jsonKeepsValueAndType(Object value) {
        client.save("json", value, "json", SaveOptions.none());
        assertEquals(value, client.load("json"));
    }

    @Test
    void partsOfOtherFormatsTravelInsideOfJson() {
        NpyArray array = NpyArray.of(new long[] {1, 2, 3});
        client.save("nested", Map.of("a", List.of(array, Map.of("b", new byte[5_000]))));
        List<?> items = (List<?>) ((Map<?, ?>) client.load("nested")).get("a");
        assertEquals(array, items.get(0));
        assertArrayEquals(new byte[5_000], (byte[]) ((Map<?, ?>) items.get(1)).get("b"));
    }

    @Test
    void aCycleAndAnUnknownTypeAreRefusedByTheirPlace() {
        List<Object> cycle = new ArrayList<>();
        cycle.add(cycle);
        assertTrue(refusal(cycle).contains("inside of itself"));
        String message = refusal(Map.of("a", List.of(1L, new Thread())));
        assertTrue(message.contains("$.a[1]") && message.contains("java.lang.Thread"), message);
        assertTrue(refusal(LocalTime.of(1, 2, 3, 4)).contains("microseconds"));
    }

    private static String refusal(Object value) {
        return assertThrows(ArgosyException.MalformedContent.class, () -> client.save("refused", value)).getMessage();
    }

    @Test
    void anArrayKeepsByteOrderAndLayout() {
        ByteBuffer big = ByteBuffer.allocate(24);
        for (int i = 0; i < 6; i++) {
            big.putInt(i);
        }
        NpyArray fortran = NpyArray.of(">i4", new long[] {2, 3}, true, big.flip());
        client.save("fortran", fortran);
        NpyArray loaded = client.load(ArtifactRef.latest("fortran"), NpyArray.class);
        assertEquals(fortran, loaded);
        assertArrayEquals(new long[] {0, 2, 4, 1, 3, 5}, loaded.toLongs());
        assertArrayEquals(new double[] {0, 2, 4, 1, 3, 5}, loaded.normalized().toDoubles());
    }

    @Test
    void emptyArraysAndSingleElementsAreArraysToo() {
        NpyArray single = NpyArray.of("<f2", new long[0], false, ByteBuffer.wrap(new byte[] {0, 0x3e}));
        client.save("single", single);
        assertArrayEquals(new double[] {1.5}, client.load(ArtifactRef.latest("single"), NpyArray.class).toDoubles());
        client.save("empty", NpyArray.of(new double[0], 0, 3));
        NpyArray empty = client.load(ArtifactRef.latest("empty"), NpyArray.class);
        assertArrayEquals(new long[] {0, 3}, empty.shape());
        assertEquals(0, empty.toDoubles().length);
    }

    @Test
    void aTableKeepsItsColumnsAndWhatIsMissing() {
        Table table = Table.builder()
                .column("id", 1L, 1L << 62)
                .column("ratio", 0.5, Double.NaN)
                .column("flag", List.of(true, false))
                .column("small", Arrays.asList(null, 7))
                .column("word", Arrays.asList("wörd", null))
                .column("raw", List.of(new byte[] {1}, new byte[0]))
                .build();
        client.save("table", table);
        Table loaded = client.load(ArtifactRef.latest("table"), Table.class);
        client.save("table", loaded);
        Table again = client.load(ArtifactRef.latest("table"), Table.class);
        assertEquals(List.of("id", "ratio", "flag", "small", "word", "raw"), again.columnNames());
        assertEquals(List.of(1L, 1L << 62), again.column("id"));
        assertEquals(List.of(0.5, Double.NaN), again.column("ratio"));
        assertEquals(List.of(true, false), again.column("flag"));
        assertEquals(Arrays.asList(null, 7), again.column("small"));
        assertEquals(Arrays.asList("wörd", null), again.column("word"));
        assertArrayEquals(new byte[] {1}, (byte[]) again.column("raw").get(0));
    }

    @Test
    void aMixedColumnIsRefusedByItsName() {
        Table mixed = Table.builder().column("both", List.of(1L, "two")).build();
        assertTrue(refusal(mixed).contains("both"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"cloudpickle", "skops", "reference", "mine.own"})
    void aFormatThatIsNotReadHereIsNamedWithTheCure(String format) {
        try (ArgosyClient foreign = ArgosyClient.builder()
                .server(server.address())
                .codec(String.class, new Foreign(format))
                .build()) {
            foreign.save("of " + format, "x");
        }
        String message = assertThrows(
                        ArgosyException.UnsupportedFormat.class, () -> client.load("of " + format))
                .getMessage();
        assertTrue(message.contains(format), message);
        assertTrue(message.contains("Python"), message);
    }

    /** Writes files of a format this client does not read. */
    private record Foreign(String format) implements Codec<String> {
        @Override
        public List<NewFile> encode(String value) {
            return List.of(new NewFile("data.x", ByteSource.of(value.getBytes(StandardCharsets.UTF_8))));
        }

        @Override
        public String decode(StoredFiles files) {
            return new String(files.read("data.x"), StandardCharsets.UTF_8);
        }
    }

    @Test
    void aPathThatLeadsOutIsRefusedBeforeAnythingIsWritten() {
        for (String path : List.of("../evil", "/evil", "a/../../evil", "a//b", "a\\b", "", ".", "a\0b")) {
            assertThrows(
                    ArgosyException.MalformedContent.class,
                    () -> io.argosy.client.codec.FileNames.checkedPath(path),
                    path);
        }
        assertEquals(Path.of("a/b"), Path.of(io.argosy.client.codec.FileNames.checkedPath("a/b")));
    }
}
