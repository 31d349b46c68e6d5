package io.argosy.client;

import com.google.protobuf.ByteString;
import io.argosy.client.codec.Codec;
import io.argosy.client.codec.Codecs;
import io.argosy.client.codec.NewFile;
import io.argosy.client.codec.StoredFiles;
import io.argosy.v1.ArtifactFile;
import io.argosy.v1.ArtifactSpec;
import io.argosy.v1.ArtifactSummary;
import io.argosy.v1.ArtifactVersion;
import io.argosy.v1.DeleteAliasRequest;
import io.argosy.v1.GetArtifactVersionRequest;
import io.argosy.v1.GetArtifactVersionResponse;
import io.argosy.v1.SetAliasRequest;
import io.argosy.v1.WatchArtifactsRequest;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Saves and loads artifacts of one project of an Argosy server. Thread-safe; make one and share it.
 *
 * <pre>{@code
 * try (ArgosyClient client = ArgosyClient.builder().server("grpc://localhost:50051").build()) {
 *     client.save("greeting", "hello", spec -> spec.addAliases("prod"));
 *     String text = client.load(ArtifactRef.alias("greeting", "prod"), String.class);
 * }
 * }</pre>
 *
 * <p>Every method may throw an {@link ArgosyException}. Calls end early when the {@link io.grpc.Context} of the caller is
 * cancelled or its deadline passes, and when its thread is interrupted; a save that ends so leaves no version.
 */
public final class ArgosyClient implements AutoCloseable {
    private static final String PREVIEWS = ".argosy/";

    private final Connection connection;
    private final Codecs codecs;
    private final Parallel parallel = new Parallel();
    private final TemporaryDirectories temporary = new TemporaryDirectories();

    ArgosyClient(Connection connection, Codecs codecs) {
        this.connection = connection;
        this.codecs = codecs;
    }

    /** Begins a client; what is not given comes from the environment. */
    public static ArgosyClientBuilder builder() {
        return new ArgosyClientBuilder();
    }

    /**
     * A value and the version it was loaded from.
     *
     * @param value of the type its format has in Java
     */
    public record Loaded(ArtifactVersion version, Object value) {}

    /** Saves a value as the next version of a name. */
    public ArtifactVersion save(String name, Object value) {
        return save(name, value, spec -> {});
    }

    /**
     * Saves a value. Its type decides the format: text, bytes ({@code byte[]}), npy
     * ({@link io.argosy.client.codec.NpyArray}), parquet ({@link io.argosy.client.codec.Table}), file and directory
     * ({@link Path}), a codec of the program's own, and json for all others.
     *
     * @param options adds a label, aliases, tags, metadata or a description
     * @return the version as it is now visible
     * @throws ArgosyException.MalformedContent no format keeps it; the message names the part
     * @throws ArgosyException.VersionExists the label is taken; nothing was written
     * @throws UncheckedIOException a file cannot be read
     */
    public ArtifactVersion save(String name, Object value, Consumer<ArtifactSpec.Builder> options) {
        Codec<Object> codec = codecs.forValue(value);
        return save(name, codec.format(), codec.encode(value), options);
    }

    /** Saves a value in a format it is told: {@code save("note", "a", "json", ...)} keeps the text as json. */
    @SuppressWarnings("unchecked") // A value of another type is told so below.
    public ArtifactVersion save(String name, Object value, String format, Consumer<ArtifactSpec.Builder> options) {
        try {
            return save(name, format, ((Codec<Object>) codecs.forFormat(format)).encode(value), options);
        } catch (ClassCastException other) {
            throw ArgosyException.malformed(
                    "the format '" + format + "' does not keep a " + value.getClass().getName() + "; leave it out", other);
        }
    }

    /** Saves bytes of any size as format {@code bytes}, in bounded memory; what breaks goes on where it was. */
    public ArtifactVersion upload(String name, ByteSource content, Consumer<ArtifactSpec.Builder> options) {
        return save(name, "bytes", List.of(new NewFile("data.bin", content)), options);
    }

    /** As {@link #upload(String, ByteSource, Consumer)}, for a stream, which a temporary file keeps meanwhile. */
    public ArtifactVersion upload(String name, InputStream content, Consumer<ArtifactSpec.Builder> options)
            throws IOException {
        Path spool = Files.createTempFile("argosy-", ".upload");
        try {
            Files.copy(content, spool, StandardCopyOption.REPLACE_EXISTING);
            return upload(name, ByteSource.of(spool), options);
        } finally {
            Files.delete(spool);
        }
    }

    private ArtifactVersion save(
            String name, String format, List<NewFile> files, Consumer<ArtifactSpec.Builder> options) {
        ArtifactSpec.Builder spec = ArtifactSpec.newBuilder();
        options.accept(spec);
        return new VersionWriter(connection, parallel).save(spec.setName(name).setFormat(format).build(), files);
    }

    /** Loads the latest version of a name. */
    public Object load(String name) {
        return load(ArtifactRef.latest(name)).value();
    }

    /**
     * Loads a value of a type.
     *
     * @throws ArgosyException.MalformedContent the format has another type in Java
     */
    public <T> T load(ArtifactRef ref, Class<T> type) {
        Loaded loaded = load(ref);
        try {
            return type.cast(loaded.value());
        } catch (ClassCastException other) {
            throw ArgosyException.malformed(
                    ref + " has the format '" + loaded.version().getFormat() + "', of which Java makes a "
                            + loaded.value().getClass().getName() + ", not a " + type.getName(),
                    other);
        }
    }

    /**
     * Loads a value, verified.
     *
     * @throws ArgosyException.ArtifactNotFound nothing matches
     * @throws ArgosyException.UnsupportedFormat no codec is for its format
     * @throws ArgosyException.DataLoss its bytes are damaged
     */
    public Loaded load(ArtifactRef ref) {
        GetArtifactVersionResponse found = find(ref, connection.capabilities().maxInlineBytes());
        ArtifactVersion version = found.getArtifactVersion();
        String what = ref + " of format '" + version.getFormat() + "'";
        try {
            return new Loaded(version, codecs.forFormat(version.getFormat()).decode(files(found)));
        } catch (ArgosyException.UnsupportedFormat refused) {
            throw new ArgosyException.UnsupportedFormat(refused.about(what));
        } catch (ArgosyException.MalformedContent refused) {
            throw new ArgosyException.MalformedContent(refused.about(what));
        }
    }

    /** Returns what is recorded of a version, with its files. */
    public ArtifactVersion version(ArtifactRef ref) {
        return find(ref, 0).getArtifactVersion();
    }

    /**
     * Opens the one file of a version as a stream of bounded memory, which goes on where it was when the connection
     * breaks. Its end is only reached when all bytes are what was saved; otherwise an {@link IOException} takes its place.
     *
     * @throws ArgosyException.MalformedContent the version has several files
     */
    public InputStream open(ArtifactRef ref) {
        StoredFiles files = files(find(ref, 0));
        List<String> paths = files.paths();
        if (paths.size() != 1) {
            throw ArgosyException.malformed(
                    ref + " has " + paths.size() + " files, so it is no one stream; use download(...)", null);
        }
        return files.open(paths.get(0));
    }

    /**
     * Writes the files of a version into a directory: all of them, verified, or none. Of format {@code directory}, its
     * tree; of others, the files as they are stored.
     *
     * @param target does not exist, or is empty; one that is there, such as a mounted volume, stays and is filled at the end
     * @throws ArgosyException.MalformedContent a name would lead out of it; nothing is written
     * @throws UncheckedIOException it is not empty, or cannot be written
     */
    public ArtifactVersion download(ArtifactRef ref, Path target) {
        GetArtifactVersionResponse found = find(ref, connection.capabilities().maxInlineBytes());
        new Download(codecs.directory()).run(found.getArtifactVersion(), files(found), target);
        return found.getArtifactVersion();
    }

    /**
     * Watches what changes from now on; close it after use.
     *
     * @param filters sets a name, an alias, a tag or kinds, which all must hold, or a cursor to go on from
     */
    public Watch watch(Consumer<WatchArtifactsRequest.Builder> filters) {
        WatchArtifactsRequest.Builder request = WatchArtifactsRequest.newBuilder();
        filters.accept(request);
        return new Watch(connection, request.setProject(connection.project()).build());
    }

    /** Points an alias at a version of its artifact; returns the version. */
    public ArtifactVersion setAlias(ArtifactRef ref, String alias) {
        SetAliasRequest request = SetAliasRequest.newBuilder()
                .setProject(connection.project())
                .setRequestId(Connection.newRequestId())
                .setAlias(alias)
                .setSelector(ref.selector())
                .build();
        return connection.artifacts(stub -> stub.setAlias(request)).getArtifactVersion();
    }

    /** Removes an alias; the version stays. */
    public void deleteAlias(String name, String alias) {
        DeleteAliasRequest request = DeleteAliasRequest.newBuilder()
                .setProject(connection.project())
                .setRequestId(Connection.newRequestId())
                .setName(name)
                .setAlias(alias)
                .build();
        connection.artifacts(stub -> stub.deleteAlias(request));
    }

    /** Lists artifacts by name, each with its latest version; pages are fetched as they are needed. */
    public Stream<ArtifactSummary> list() {
        return list("");
    }

    /** As {@link #list()}, only names that contain a text, without regard to case. */
    public Stream<ArtifactSummary> list(String nameContains) {
        return Pages.artifacts(connection, nameContains);
    }

    /** Lists the versions of an artifact, newest first, without their files; pages are fetched as they are needed. */
    public Stream<ArtifactVersion> versions(String name) {
        return Pages.versions(connection, name);
    }

    private GetArtifactVersionResponse find(ArtifactRef ref, long contentBytes) {
        GetArtifactVersionRequest request = GetArtifactVersionRequest.newBuilder()
                .setProject(connection.project())
                .setSelector(ref.selector())
                .setMaxContentBytes(contentBytes)
                .build();
        return connection.artifacts(stub -> stub.getArtifactVersion(request));
    }

    private StoredFiles files(GetArtifactVersionResponse found) {
        ArtifactVersion version = found.getArtifactVersion();
        Map<String, ByteString> contents = new HashMap<>();
        for (int i = 0; i < found.getContentsCount() && i < version.getFilesCount(); i++) {
            ArtifactFile file = version.getFiles(i);
            contents.put(file.getDigest(), VersionFiles.verified(file, found.getContents(i)));
        }
        List<ArtifactFile> files = version.getFilesList().stream()
                .filter(file -> !file.getPath().startsWith(PREVIEWS))
                .toList();
        return new VersionFiles(connection, parallel, temporary::create, files, contents);
    }

    /** Ends the connection and removes the files that were loaded as paths. */
    @Override
    public void close() {
        parallel.close();
        connection.close();
        temporary.close();
    }
}
