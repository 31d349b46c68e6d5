package io.argosy.conformance;

import io.argosy.client.ArgosyClient;
import io.argosy.client.ArgosyException;
import io.argosy.client.ArtifactRef;
import io.argosy.client.ConformanceVectors;
import io.argosy.client.Watch;
import io.argosy.client.codec.Codec;
import io.argosy.client.codec.Codecs;
import io.argosy.client.codec.NewFile;
import io.argosy.v1.ArtifactEvent;
import io.argosy.v1.ArtifactVersion;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** What the tests of all languages together run: each command prints its result as a line of JSON. */
public final class Conformance {
    private static final int REFUSED = 3;
    private static final Map<String, String> FILES =
            Map.of("json", "data.json", "text", "data.txt", "bytes", "data.bin", "npy", "data.npy", "parquet",
                    "data.parquet");

    private final Codecs codecs = new Codecs(List.of());
    private final List<String> words = new ArrayList<>();
    private final Map<String, String> options = new HashMap<>();

    private Conformance(String[] arguments) {
        for (int i = 1; i < arguments.length; i++) {
            if (arguments[i].startsWith("--")) {
                options.put(arguments[i], arguments[++i]);
            } else {
                words.add(arguments[i]);
            }
        }
    }

    public static void main(String[] arguments) {
        Thread main = Thread.currentThread();
        CountDownLatch ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            main.interrupt(); // Ctrl-C: what is under way is given up in order.
            try {
                ended.await(60, TimeUnit.SECONDS);
            } catch (InterruptedException hurried) {
                Thread.currentThread().interrupt();
            }
        }));
        int code = 0;
        try {
            new Conformance(arguments).run(arguments.length == 0 ? "" : arguments[0]);
        } catch (Exception | AssertionError failure) {
            code = tell(failure);
        }
        ended.countDown();
        System.exit(code);
    }

    private static int tell(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ArgosyException refused) {
                String name = refused.reason().isEmpty() ? refused.getClass().getSimpleName() : refused.reason();
                print(Map.of("error", name, "message", refused.getMessage()));
                return REFUSED;
            }
        }
        failure.printStackTrace();
        return 1;
    }

    private void run(String command) throws IOException {
        if (command.equals("vectors")) {
            print(Map.of("passed", ConformanceVectors.run(Path.of(words.get(0)))));
            return;
        }
        try (ArgosyClient client = ArgosyClient.builder().build()) {
            switch (command) {
                case "save" -> save(client);
                case "load" -> load(client);
                case "upload" -> upload(client);
                case "download" -> download(client);
                case "watch" -> watch(client);
                case "alias" -> {
                    ArtifactRef ref = ArtifactRef.version(words.get(0), words.get(1));
                    ArtifactVersion version = client.setAlias(ref, words.get(2));
                    print(Map.of("version", version.getVersion(), "id", version.getId()));
                }
                case "list" -> list(client);
                default -> throw new IllegalArgumentException(
                        "write save, load, upload, download, watch, alias, list or vectors, not " + command);
            }
        }
    }

    private void save(ArgosyClient client) {
        String format = words.get(1);
        Path input = Path.of(words.get(2));
        boolean isPath = format.equals("file") || format.equals("directory");
        Object value = isPath
                ? input
                : codecs.forFormat(format).decode(new LocalFiles(Map.of(FILES.getOrDefault(format, ""), input)));
        ArtifactVersion saved = client.save(words.get(0), value, format, spec -> {
            spec.setVersion(options.getOrDefault("--version", ""));
            if (options.containsKey("--alias")) {
                spec.addAliases(options.get("--alias"));
            }
        });
        print(Map.of("version", saved.getVersion(), "id", saved.getId(), "digest", saved.getContentDigest()));
    }

    private void load(ArgosyClient client) throws IOException {
        Path output = Path.of(words.get(1));
        ArtifactVersion version = client.version(ref());
        if (version.getFormat().equals("directory")) {
            client.download(ref(), output);
        } else {
            ArgosyClient.Loaded loaded = client.load(ref());
            if (loaded.value() instanceof Path path) {
                Files.copy(path, output, StandardCopyOption.REPLACE_EXISTING);
            } else {
                write(loaded, output);
            }
        }
        print(Map.of("version", version.getVersion(), "id", version.getId(), "format", version.getFormat()));
    }

    private ArtifactRef ref() {
        String name = words.get(0);
        if (options.containsKey("--alias")) {
            return ArtifactRef.alias(name, options.get("--alias"));
        }
        String version = options.get("--version");
        return version == null ? ArtifactRef.latest(name) : ArtifactRef.version(name, version);
    }

    @SuppressWarnings("unchecked") // The value is what this very codec made.
    private void write(ArgosyClient.Loaded loaded, Path output) throws IOException {
        Codec<Object> codec = (Codec<Object>) codecs.forFormat(loaded.version().getFormat());
        List<NewFile> files = codec.encode(loaded.value());
        try (InputStream content = files.get(0).content().open(0)) {
            Files.copy(content, output, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private void upload(ArgosyClient client) throws IOException {
        Path file = Path.of(words.get(1));
        ArtifactVersion version =
                client.upload(words.get(0), new TellingSource(file), spec -> {});
        print(sizes(version.getSizeBytes(), digest(client, ArtifactRef.id(version.getId()))));
    }

    private void download(ArgosyClient client) throws IOException {
        Path target = Path.of(words.get(1)).toAbsolutePath();
        Path part = target.resolveSibling(target.getFileName() + ".part");
        long size = 0;
        try (InputStream source = client.open(ArtifactRef.latest(words.get(0)));
                var file = Files.newOutputStream(part)) {
            byte[] piece = new byte[256 << 10];
            for (int count = source.read(piece); count >= 0; count = source.read(piece)) {
                file.write(piece, 0, count);
                size += count;
                TellingSource.tell(size - count, size);
            }
            Files.move(part, target, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
        print(sizes(size, digest(client, ArtifactRef.latest(words.get(0)))));
    }

    /** Returns the digest on record, which the client held the bytes against: hashing again would count as its work. */
    private static String digest(ArgosyClient client, ArtifactRef ref) {
        return client.version(ref).getFiles(0).getDigest();
    }

    private static Map<String, Object> sizes(long size, String digest) throws IOException {
        Map<String, Object> result = new LinkedHashMap<>(Map.of("size", size, "digest", digest));
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                result.put("max_rss_bytes", Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024);
            }
        }
        return result;
    }

    private void watch(ArgosyClient client) {
        String cursor = options.getOrDefault("--cursor", "");
        try (Watch events = client.watch(request -> request.setName(words.get(0)).setCursor(cursor))) {
            for (int i = Integer.parseInt(words.get(1)); i > 0; i--) {
                ArtifactEvent event = events.next();
                String kind = event.getKind().name().replace("ARTIFACT_EVENT_KIND_", "").toLowerCase(Locale.ROOT);
                Map<String, Object> line = new LinkedHashMap<>();
                line.put("kind", kind);
                line.put("version", event.getVersion());
                line.put("alias", event.getAlias());
                line.put("cursor", events.cursor());
                print(line);
            }
        }
    }

    private void list(ArgosyClient client) {
        String name = options.get("--name");
        if (name == null) {
            print(Map.of("names", client.list().map(artifact -> artifact.getName()).toList()));
        } else {
            print(Map.of("versions", client.versions(name).map(ArtifactVersion::getVersion).toList()));
        }
    }

    private static void print(Map<String, ?> result) {
        NewFile document = new Codecs(List.of()).json().encode(result).get(0);
        try (InputStream content = document.content().open(0)) {
            System.out.println(new String(content.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException impossible) {
            throw new java.io.UncheckedIOException(impossible);
        }
    }
}
