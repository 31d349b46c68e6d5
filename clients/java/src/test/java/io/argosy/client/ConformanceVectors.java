package io.argosy.client;

import com.fasterxml.jackson.jr.ob.JSON;
import com.google.protobuf.ByteString;
import io.argosy.client.codec.Codecs;
import io.argosy.client.codec.FileNames;
import io.argosy.client.codec.NewFile;
import io.argosy.client.codec.NpyArray;
import io.argosy.conformance.LocalFiles;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;

/** Runs the vectors of {@code protos/testdata} that need no server. */
public final class ConformanceVectors {
    private static final Codecs CODECS = new Codecs(List.of());
    private static final Set<String> WITHIN_UPLOADS = Set.of("WRITE_PAST_END", "ILLEGAL_TRANSITION", "SUPERSEDED");

    private final Path folder;
    private int passed;

    private ConformanceVectors(Path folder) {
        this.folder = folder;
    }

    /**
     * Returns how many vectors have passed.
     *
     * @throws AssertionError one has not; the message names it
     */
    public static int run(Path folder) throws IOException {
        ConformanceVectors vectors = new ConformanceVectors(folder);
        vectors.each("digests", "contents", vectors::digestOfContent);
        vectors.each("digests", "texts", v -> expect(ContentHash.isDigest(text(v, "text")) == flag(v), "digest"));
        vectors.each("names", "projects", v -> project(text(v, "text"), flag(v)));
        vectors.each("names", "local_paths", v -> refusal(!flag(v), () -> FileNames.checkedPath(text(v, "text"))));
        vectors.each("names", "addresses", ConformanceVectors::address);
        vectors.each("errors", "vectors", ConformanceVectors::error);
        vectors.each("json", "vectors", ConformanceVectors::json);
        vectors.each("npy", "vectors", ConformanceVectors::npy);
        return vectors.passed;
    }

    private void each(String file, String list, Consumer<Map<?, ?>> check) {
        for (Object item : (List<?>) ((Map<?, ?>) document(folder.resolve(file + ".json"))).get(list)) {
            Map<?, ?> vector = (Map<?, ?>) item;
            try {
                check.accept(vector);
            } catch (RuntimeException | AssertionError failure) {
                Object name = vector.get("name") == null ? vector.get("text") : vector.get("name");
                throw new AssertionError(file + ".json, " + list + ", " + name + ": " + failure, failure);
            }
            passed++;
        }
    }

    private static Object document(Path file) {
        return CODECS.json().decode(new LocalFiles(Map.of("data.json", file)));
    }

    private static String text(Map<?, ?> vector, String member) {
        return (String) vector.get(member);
    }

    private static boolean flag(Map<?, ?> vector) {
        return (Boolean) vector.get("valid");
    }

    private static void expect(boolean isSo, String what) {
        if (!isSo) {
            throw new AssertionError(what);
        }
    }

    private static ArgosyException refusal(boolean isWanted, Runnable action) {
        try {
            action.run();
        } catch (ArgosyException refused) {
            expect(isWanted, "it is refused: " + refused.getMessage());
            return refused;
        }
        expect(!isWanted, "it is not refused");
        return null;
    }

    private static void project(String project, boolean isValid) {
        // Of an empty one the default is taken, and line ends around a setting do not count.
        if (!project.isBlank() && project.equals(project.strip())) {
            Map<String, String> environment = Map.of("ARGOSY_SERVER", "grpc://a:1", "ARGOSY_PROJECT", project);
            refusal(!isValid, () -> ClientConfig.resolve(Map.of(), environment));
        }
    }

    private static void address(Map<?, ?> vector) {
        refusal(!flag(vector), () -> {
            ServerAddress parsed = ServerAddress.parse("a vector", text(vector, "text"));
            expect(parsed.isSecure() == (Boolean) vector.get("is_secure"), "whether TLS is spoken");
            expect(parsed.hosts().equals(vector.get("servers")), "servers: " + parsed.hosts());
        });
    }

    private void digestOfContent(Map<?, ?> vector) {
        byte[] content = content(((Long) vector.get("size_bytes")).intValue());
        expect(ContentHash.of(ByteString.copyFrom(content)).equals(vector.get("digest")), "digest");
    }

    private static byte[] content(int size) {
        byte[] content = new byte[size];
        for (int i = 0; i < size; i++) {
            content[i] = (byte) (i % 251);
        }
        return content;
    }

    private static void error(Map<?, ?> vector) {
        Metadata trailers = new Metadata();
        Metadata.Key<byte[]> key = Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);
        trailers.put(key, Base64.getDecoder().decode(text(vector, "details_base64")));
        Status status = Status.Code.valueOf(text(vector, "code")).toStatus().withDescription(text(vector, "message"));
        ArgosyException found = ErrorMapping.of(new StatusRuntimeException(status, trailers), "a vector");
        expect(found.code().name().equals(vector.get("code")), "code: " + found.code());
        expect(found.reason().equals(vector.get("reason")), "reason: " + found.reason());
        expect(found.metadata().equals(vector.get("metadata")), "metadata: " + found.metadata());
        expect(found.getMessage().endsWith(text(vector, "message")), "message: " + found.getMessage());
        boolean isCall = ErrorMapping.isWorthCallingAgain(found);
        boolean isUpload = ErrorMapping.isWorthGoingOn(found) || WITHIN_UPLOADS.contains(found.reason());
        String retry = text(vector, "retry");
        expect(isCall == retry.equals("call"), "whether the call is repeated");
        expect(isUpload == (retry.equals("call") || retry.equals("upload")), "whether an upload goes on");
    }

    private static void json(Map<?, ?> vector) {
        byte[] document = vector.containsKey("document_base64")
                ? Base64.getDecoder().decode(text(vector, "document_base64"))
                : text(vector, "document").getBytes(java.nio.charset.StandardCharsets.UTF_8);
        String reader = text(vector, "reader");
        try {
            Object value = decode("json", "data.json", document);
            expect(!reader.equals("refuse"), "it is not refused, but read as " + value);
            String again = new String(encode("json", value), java.nio.charset.StandardCharsets.UTF_8);
            Object canonical = tree(text(vector, "canonical"));
            expect(Objects.equals(tree(again), canonical), "written again as " + again);
        } catch (ArgosyException refused) {
            expect(!reader.equals("must"), "it is refused: " + refused.getMessage());
            if (reader.equals("may")) {
                List<?> escapes = (List<?>) vector.get("escapes");
                boolean isNamed = escapes.isEmpty() || refused.getMessage().contains((String) escapes.get(0));
                expect(isNamed, "the refusal does not name " + escapes + ": " + refused.getMessage());
            }
        }
    }

    /** Returns the structure of a document, escapes included, for which order counts in lists only. */
    private static Object tree(String document) {
        try {
            return unordered(JSON.std.anyFrom(document));
        } catch (IOException malformed) {
            throw new UncheckedIOException(malformed);
        }
    }

    private static Object unordered(Object node) {
        if (node instanceof Map<?, ?> map) {
            Map<Object, Object> members = new HashMap<>();
            map.forEach((name, value) -> {
                Object inside = unordered(value);
                boolean isSet = map.size() == 1 && (name.equals("$set") || name.equals("$frozenset"));
                members.put(name, isSet ? new HashSet<>((List<?>) inside) : inside);
            });
            return members;
        }
        return node instanceof List<?> list ? list.stream().map(ConformanceVectors::unordered).toList() : node;
    }

    private static void npy(Map<?, ?> vector) {
        String reader = text(vector, "reader");
        try {
            byte[] file = Base64.getDecoder().decode(text(vector, "file_base64"));
            NpyArray array = (NpyArray) decode("npy", "data.npy", file);
            expect(!reader.equals("refuse"), "it is not refused, but read as " + array);
            same(vector, array);
            same(vector, (NpyArray) decode("npy", "data.npy", encode("npy", array)));
            same(vector, (NpyArray) decode("npy", "data.npy", encode("npy", array.normalized())));
        } catch (ArgosyException refused) {
            expect(!reader.equals("must"), "it is refused: " + refused.getMessage());
            if (reader.equals("may")) {
                expect(refused.getMessage().contains(text(vector, "dtype")), refused.getMessage());
            }
        }
    }

    private static void same(Map<?, ?> vector, NpyArray array) {
        expect(array.dtype().substring(1).equals(vector.get("dtype")), "dtype: " + array.dtype());
        expect(array.shape().equals(vector.get("shape")), "shape: " + array.shape());
        byte[] elements = new byte[array.data().capacity()];
        array.normalized().data().get(elements);
        String base64 = Base64.getEncoder().encodeToString(elements);
        expect(base64.equals(vector.get("elements_base64")), "elements: " + base64);
    }

    private static Object decode(String format, String name, byte[] content) {
        try {
            Path file = Files.createTempFile("vector-", name);
            try {
                Files.write(file, content);
                return CODECS.forFormat(format).decode(new LocalFiles(Map.of(name, file)));
            } finally {
                Files.delete(file);
            }
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
    }

    @SuppressWarnings("unchecked") // The value is what the codec of this format made.
    private static byte[] encode(String format, Object value) {
        NewFile file = ((io.argosy.client.codec.Codec<Object>) CODECS.forFormat(format)).encode(value).get(0);
        try (InputStream content = file.content().open(0)) {
            return content.readAllBytes();
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
    }
}
