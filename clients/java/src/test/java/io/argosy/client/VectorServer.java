package io.argosy.client;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import io.argosy.v1.BlobServiceGrpc;
import io.argosy.v1.GetCapabilitiesRequest;
import io.argosy.v1.GetCapabilitiesResponse;
import io.grpc.BindableService;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.Map;
import java.util.UUID;

/** A server that plays a vector, in this process, and a connection of the client to it. */
final class VectorServer implements AutoCloseable {
    private final Server server;
    private final Connection connection;

    VectorServer(BindableService... services) throws IOException {
        String name = UUID.randomUUID().toString();
        InProcessServerBuilder builder = InProcessServerBuilder.forName(name);
        for (BindableService service : services) {
            builder.addService(service);
        }
        server = builder.build().start();
        ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
        ClientConfig config = ClientConfig.resolve(Map.of("ARGOSY_SERVER", "grpc://vectors:1"), Map.of());
        connection = new Connection(channel, config, CallOptions.DEFAULT);
    }

    Connection connection() {
        return connection;
    }

    /** Answers GetCapabilities as a server does whose limits are those of docs/transfer.md. */
    static class Capable extends BlobServiceGrpc.BlobServiceImplBase {
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
                    .setMaxFiles(16_384)
                    .setMaxDigests(16_384)
                    .build());
            answer.onCompleted();
        }
    }

    /** Returns the status a vector tells: {"code": ..., "reason": ...}. */
    static StatusRuntimeException status(Map<?, ?> told) {
        Status.Code code = Status.Code.valueOf((String) told.get("code"));
        var status = com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage("told by a vector");
        String reason = (String) told.get("reason");
        if (!reason.isEmpty()) {
            ErrorInfo info = ErrorInfo.newBuilder().setDomain("argosy").setReason(reason).build();
            status.addDetails(Any.pack(info));
        }
        return StatusProto.toStatusRuntimeException(status.build());
    }

    @Override
    public void close() {
        connection.close();
        server.shutdownNow();
    }
}
