package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.argosy.client.codec.Codec;
import io.argosy.client.codec.FileNames;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Values there and back through a real server, equal and of the same type. */
@ExtendWith(SharedServer.class)
class CodecsTest {
    private final ArgosyServer server;
    private final ArgosyClient client;

    CodecsTest(ArgosyServer server, ArgosyClient client) {
        this.server = server;
        this.client = client;
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
                List.of("\ud83c\udf89", "", List.of(List.of(Map.of("a", "b")))));
    }

    @ParameterizedTest
    @MethodSource("jsonValues")
    void jsonKeepsValueAndType(Object value) {
        client.save("json", value, "json", spec -> {});
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
    void filesTravelInsideOfJson(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("model.onnx"), "a model");
        client.save("with a file", Map.of("models", List.of(file)));
        List<?> models = (List<?>) ((Map<?, ?>) client.load("with a file")).get("models");
        assertEquals("a model", Files.readString((Path) models.get(0)));
    }

    /** A number of a program's own, with a format of its own. */
    private static final class Money extends Number implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return List.of("no", "list").iterator();
        }

        @Override
        public int intValue() {
            return 7;
        }

        @Override
        public long longValue() {
            return 7;
        }

        @Override
        public float floatValue() {
            return 7;
        }

        @Override
        public double doubleValue() {
            return 7;
        }
    }

    private static final class MoneyCodec implements Codec<Money> {
        @Override
        public String format() {
            return "money";
        }

        @Override
        public List<NewFile> encode(Money value) {
            return List.of(new NewFile("money", ByteSource.of(new byte[0])));
        }

        @Override
        public Money decode(StoredFiles files) {
            return new Money();
        }
    }

    @Test
    void aCodecOfTheProgramComesFirstAlsoInsideOfJson() {
        try (ArgosyClient own = ArgosyClient.builder()
                .server(server.address())
                .codec(Money.class, new MoneyCodec())
                .build()) {
            own.save("prices", List.of(new Money()));
            assertEquals(Money.class, ((List<?>) own.load("prices")).get(0).getClass());
        }
    }

    @Test
    void datesThatPythonHasNotAreRefused() {
        for (Object date : List.of(
                LocalDate.of(10_000, 1, 1), LocalDate.of(0, 12, 31), LocalDateTime.of(10_000, 1, 1, 0, 0),
                OffsetDateTime.of(-1, 1, 1, 0, 0, 0, 0, ZoneOffset.UTC))) {
            assertTrue(refusal(date).contains("Python"), date.toString());
        }
        assertTrue(refusal(Duration.ofDays(1_000_000_000)).contains("Python"));
        assertTrue(refusal(Instant.EPOCH).contains("OffsetDateTime"));
    }

    @Test
    void aCycleAndAnUnknownTypeAreRefusedByTheirPlace() {
        List<Object> cycle = new ArrayList<>();
        cycle.add(cycle);
        assertTrue(refusal(cycle).contains("inside of itself"));
        String message = refusal(Map.of("a", List.of(1L, new Thread())));
        assertTrue(message.contains("$.a[1]") && message.contains("java.lang.Thread"), message);
        assertTrue(refusal(LocalTime.of(1, 2, 3, 4)).contains("microseconds"));
        assertTrue(refusal(List.of("a lone \ud800 surrogate")).contains("$[0]"));
        assertTrue(refusal("a lone \ud800 surrogate").contains("leave it out"));
    }

    private String refusal(Object value) {
        return assertThrows(ArgosyException.MalformedContent.class, () -> client.save("refused", value)).getMessage();
    }

    @Test
    void anArrayKeepsByteOrderAndLayout() {
        ByteBuffer big = ByteBuffer.allocate(24);
        for (int i = 0; i < 6; i++) {
            big.putInt(i);
        }
        NpyArray fortran = new NpyArray(">i4", List.of(2L, 3L), true, big.flip());
        client.save("fortran", fortran);
        NpyArray loaded = client.load(ArtifactRef.latest("fortran"), NpyArray.class);
        assertEquals(fortran, loaded);
        assertArrayEquals(new long[] {0, 2, 4, 1, 3, 5}, loaded.toLongs());
        assertArrayEquals(new double[] {0, 2, 4, 1, 3, 5}, loaded.normalized().toDoubles());
    }

    @Test
    void emptyArraysAndSingleElementsAreArraysToo() {
        NpyArray single = new NpyArray("<f2", List.of(), false, ByteBuffer.wrap(new byte[] {0, 0x3e}));
        client.save("single", single);
        assertArrayEquals(new double[] {1.5}, client.load(ArtifactRef.latest("single"), NpyArray.class).toDoubles());
        client.save("empty", NpyArray.of(new double[0], 0, 3));
        NpyArray empty = client.load(ArtifactRef.latest("empty"), NpyArray.class);
        assertEquals(List.of(0L, 3L), empty.shape());
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
    void aTableThatParquetWouldChangeIsRefused() {
        assertTrue(refusal(Table.builder().column("s", List.of("\ud800")).build()).contains("surrogate"));
        assertTrue(refusal(Table.builder().column("\ud800", 1L).build()).contains("surrogate"));
        assertTrue(refusal(Table.builder().column("a", 1L).column("a", 2L).build()).contains("\"a\""));
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
            assertThrows(ArgosyException.MalformedContent.class, () -> FileNames.checkedPath(path), path);
        }
        assertEquals(Path.of("a/b"), Path.of(FileNames.checkedPath("a/b")));
    }
}
