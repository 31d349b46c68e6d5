package io.argosy.client;

import com.google.protobuf.ByteString;
import io.argosy.v1.BatchReadBlobsRequest;
import io.argosy.v1.BatchReadBlobsResponse;
import io.argosy.v1.BlobServiceGrpc;
import io.argosy.v1.GetCapabilitiesRequest;
import io.argosy.v1.GetCapabilitiesResponse;
import io.argosy.v1.ReadBlobRequest;
import io.argosy.v1.ReadBlobResponse;
import io.grpc.BindableService;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.Map;
import java.util.UUID;

/** A server in this process that answers as a test wants, and a connection of the client to it. */
final class PlayedServer implements AutoCloseable {
    private final Server server;
    private final Connection connection;

    PlayedServer(BindableService... services) throws IOException {
        String name = UUID.randomUUID().toString();
        InProcessServerBuilder builder = InProcessServerBuilder.forName(name);
        for (BindableService service : services) {
            builder.addService(service);
        }
        server = builder.build().start();
        ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
        ClientConfig config = ClientConfig.resolve(
                Map.of("ARGOSY_SERVER", "grpc://played:1", "ARGOSY_CONNECT_TIMEOUT", "60"), Map.of());
        connection = new Connection(channel, config);
    }

    Connection connection() {
        return connection;
    }

    /** Answers GetCapabilities as a server does whose limits are those of docs/transfer.md. */
    static class Capable extends BlobServiceGrpc.BlobServiceImplBase {
        /** What every file has that is asked for. */
        ByteString content = ByteString.EMPTY;

        @Override
        public void getCapabilities(
                GetCapabilitiesRequest request, StreamObserver<GetCapabilitiesResponse> answer) {
            answer.onNext(GetCapabilitiesResponse.newBuilder()
                    .setProtocolRevision(Capabilities.REVISION)
                    .setOldestProtocolRevision(Capabilities.REVISION)
                    .setPreferredChunkBytes(1 << 20)
                    .setMaxInlineBytes(1 << 20)
                    .setMaxBatchBytes(2 << 20)
                    .setMaxBatchItems(1_000)
                    .setMaxDigests(16_384)
                    .build());
            answer.onCompleted();
        }

        @Override
        public void batchReadBlobs(BatchReadBlobsRequest request, StreamObserver<BatchReadBlobsResponse> answer) {
            var response = BatchReadBlobsResponse.newBuilder();
            request.getDigestsList().forEach(digest -> response.addResultsBuilder().setContent(content));
            answer.onNext(response.build());
            answer.onCompleted();
        }

        @Override
        public void readBlob(ReadBlobRequest request, StreamObserver<ReadBlobResponse> answer) {
            answer.onNext(ReadBlobResponse.newBuilder().setChunk(content).build());
            answer.onCompleted();
        }
    }

    @Override
    public void close() {
        connection.close();
        server.shutdownNow();
    }
}
