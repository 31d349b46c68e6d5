package io.argosy.client;

import com.google.protobuf.ByteString;
import io.argosy.client.codec.Codecs;
import io.argosy.v1.ArtifactFile;
import io.argosy.v1.ArtifactServiceGrpc;
import io.argosy.v1.ArtifactVersion;
import io.argosy.v1.GetArtifactVersionRequest;
import io.argosy.v1.GetArtifactVersionResponse;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;

/** A server with one version, such as no client of Argosy saves, and a client of it. */
final class PlayedVersion implements AutoCloseable {
    private final PlayedServer server;
    private final ArgosyClient client;

    /**
     * @param content what the server answers for every file, whatever its digest
     * @param blobs answers for large files and limits
     */
    PlayedVersion(String format, ByteString content, PlayedServer.Capable blobs, List<ArtifactFile> files)
            throws IOException {
        var version = GetArtifactVersionResponse.newBuilder()
                .setArtifactVersion(ArtifactVersion.newBuilder().setFormat(format).addAllFiles(files))
                .build();
        blobs.content = content;
        var artifacts = new ArtifactServiceGrpc.ArtifactServiceImplBase() {
            @Override
            public void getArtifactVersion(
                    GetArtifactVersionRequest request, StreamObserver<GetArtifactVersionResponse> answer) {
                answer.onNext(version);
                answer.onCompleted();
            }
        };
        server = new PlayedServer(blobs, artifacts);
        client = new ArgosyClient(server.connection(), new Codecs(List.of()));
    }

    /** A server whose files have the digests of their content. */
    static PlayedVersion of(String format, ByteString content, String... paths) throws IOException {
        List<ArtifactFile> files = Arrays.stream(paths).map(path -> file(path, content)).toList();
        return new PlayedVersion(format, content, new PlayedServer.Capable(), files);
    }

    static ArtifactFile file(String path, ByteString content) {
        return ArtifactFile.newBuilder()
                .setPath(path)
                .setDigest(ContentHash.of(content))
                .setSizeBytes(content.size())
                .build();
    }

    ArgosyClient client() {
        return client;
    }

    @Override
    public void close() {
        client.close();
        server.close();
    }
}
