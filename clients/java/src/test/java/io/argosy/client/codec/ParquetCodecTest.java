package io.argosy.client.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.argosy.conformance.LocalFiles;
import java.io.File;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Types;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ParquetCodecTest {
    private static final Map<String, String> OF_PANDAS =
            Map.of("argosy", "{}", "pandas", "{}", "ARROW:schema", "AAAA", "author", "me");

    @TempDir
    Path folder;

    private Path table() throws Exception {
        Table plain = Table.builder().column("a", 1L).build();
        ParquetCodec codec = new ParquetCodec();
        Path file = folder.resolve("data.parquet");
        NewFile encoded = codec.encode(new Table(plain.columns(), OF_PANDAS)).get(0);
        try (InputStream content = encoded.content().open(0)) {
            Files.copy(content, file);
        }
        return file;
    }

    @Test
    void whatPandasIsMadeOfIsNotWrittenAgain() throws Exception {
        Table loaded = new ParquetCodec().decode(new LocalFiles(Map.of("data.parquet", table())));
        assertFalse(loaded.metadata().containsKey("argosy"));
        assertFalse(loaded.metadata().containsKey("pandas"));
        assertFalse(loaded.metadata().containsKey("ARROW:schema"), "it repeats what the other says");
        assertEquals("me", loaded.metadata().get("author"));
    }

    @Test
    void numbersWithoutSignAreTheNumbersTheyAre() throws Exception {
        var unsigned = Types.optional(PrimitiveTypeName.INT32).as(LogicalTypeAnnotation.intType(32, false)).named("n");
        List<Object> numbers = List.of(1L, 3_000_000_000L);
        Path file = folder.resolve("data.parquet");
        NewFile encoded = new ParquetCodec()
                .encode(new Table(List.of(new Table.Column("n", numbers, unsigned)), Map.of()))
                .get(0);
        try (InputStream content = encoded.content().open(0)) {
            Files.copy(content, file);
        }
        assertEquals(numbers, new ParquetCodec().decode(new LocalFiles(Map.of("data.parquet", file))).column("n"));
    }

    @Test
    void withoutTheJarsOfHadoopTheFormatIsRefusedAndNoClassMissing() throws Exception {
        String[] all = System.getProperty("java.class.path").split(File.pathSeparator);
        for (String jar : List.of("parquet-hadoop-1", "hadoop-common", "hadoop-mapreduce")) {
            List<URL> others = new ArrayList<>();
            for (String path : all) {
                if (!path.contains(jar)) {
                    others.add(Path.of(path).toUri().toURL());
                }
            }
            assertTrue(others.size() < all.length, jar);
            try (var loader = new URLClassLoader(others.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
                Class<?> codecs = loader.loadClass(Codecs.class.getName());
                Object made = codecs.getConstructor(List.class).newInstance(List.of());
                var forFormat = codecs.getMethod("forFormat", String.class);
                var refused = assertThrows(
                        InvocationTargetException.class, () -> forFormat.invoke(made, "parquet"));
                assertEquals("UnsupportedFormat", refused.getCause().getClass().getSimpleName());
            }
        }
    }

    @Test
    void aTableWithoutColumnsIsOne() throws Exception {
        Path file = folder.resolve("data.parquet");
        NewFile encoded = new ParquetCodec().encode(Table.builder().build()).get(0);
        try (InputStream content = encoded.content().open(0)) {
            Files.copy(content, file);
        }
        Table again = new ParquetCodec().decode(new LocalFiles(Map.of("data.parquet", file)));
        assertEquals(List.of(), again.columnNames());
        assertEquals(0, again.rowCount());
    }
}
