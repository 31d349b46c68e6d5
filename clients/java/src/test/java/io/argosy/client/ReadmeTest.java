package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringWriter;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README shows works: each block compiles, and all but the endless watch run. */
class ReadmeTest {
    private static final Pattern BLOCK = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);
    private static final String HEAD = """
            public class Readme {
                static java.util.concurrent.ScheduledExecutorService timer =
                        java.util.concurrent.Executors.newSingleThreadScheduledExecutor();
                static void rememberForTheNextStart(String cursor) {}
            """;

    @TempDir
    Path folder;

    @Test
    void everyBlockCompilesAndRuns() throws Exception {
        List<String> blocks = blocks();
        String imports = blocks.remove(0);
        assertEquals(7, blocks.size());
        compile(imports + source(blocks));
        try (ArgosyServer server = new ArgosyServer();
                ArgosyClient client = server.client();
                URLClassLoader classes = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
            System.setProperty("readme.server", server.address());
            Class<?> readme = classes.loadClass("Readme");
            for (int i = 0; i < blocks.size(); i++) {
                if (!blocks.get(i).contains("events.hasNext()")) {
                    Method block = readme.getMethod("block" + i, ArgosyClient.class);
                    block.invoke(null, client);
                }
            }
            assertEquals(List.of("customers", "model", "report", "threshold", "weights"),
                    client.list().map(artifact -> artifact.getName()).toList());
            assertTrue(Files.exists(folder.resolve("downloaded/data.bin")));
        }
    }

    private static List<String> blocks() throws IOException {
        Matcher found = BLOCK.matcher(Files.readString(Path.of("README.md")));
        List<String> blocks = new ArrayList<>();
        while (found.find()) {
            blocks.add(found.group(1));
        }
        return blocks;
    }

    private String source(List<String> blocks) throws IOException {
        Files.writeString(folder.resolve("model.onnx"), "a model");
        StringBuilder source = new StringBuilder(HEAD);
        for (int i = 0; i < blocks.size(); i++) {
            String block = blocks.get(i)
                    .replace("\"model.onnx\"", "\"" + folder.resolve("model.onnx") + "\"")
                    .replace("\"downloaded\"", "\"" + folder.resolve("downloaded") + "\"");
            boolean connects = block.contains("ArgosyClient client =");
            source.append("public static void block").append(i).append("(ArgosyClient ")
                    .append(connects ? "shared" : "client").append(") throws Exception {\n")
                    .append(block.replace("System.getenv(\"ARGOSY_SERVER\")", "System.getProperty(\"readme.server\")"))
                    .append("}\n");
        }
        return source.append("}\n").toString();
    }

    private void compile(String source) {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter said = new StringWriter();
        var file = new SimpleJavaFileObject(URI.create("string:///Readme.java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreErrors) {
                return source;
            }
        };
        List<String> options = List.of("-proc:none", "-d", folder.toString(), "-classpath",
                System.getProperty("java.class.path"));
        assertTrue(compiler.getTask(said, null, null, options, null, List.of(file)).call(), said.toString());
    }
}
