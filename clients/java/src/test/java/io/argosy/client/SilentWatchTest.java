package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.argosy.v1.ArtifactServiceGrpc;
import io.argosy.v1.WatchArtifactsRequest;
import io.argosy.v1.WatchArtifactsResponse;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** A watch whose server says nothing any more, not even that there is nothing to say. */
class SilentWatchTest {
    @Test
    void aWatchThatBringsNothingAnyMoreIsBegunAnew() throws IOException {
        var artifacts = new ArtifactServiceGrpc.ArtifactServiceImplBase() {
            @Override
            public void watchArtifacts(WatchArtifactsRequest request, StreamObserver<WatchArtifactsResponse> told) {
                var message = WatchArtifactsResponse.newBuilder().setCursor("begun");
                told.onNext(message.build());
                if (!request.getCursor().isEmpty()) {
                    message.getEventBuilder().setName("after " + request.getCursor());
                    told.onNext(message.setCursor("told").build());
                }
            }
        };
        try (PlayedServer server = new PlayedServer(new PlayedServer.Capable(), artifacts);
                Watch watch = new Watch(
                        server.connection(), WatchArtifactsRequest.getDefaultInstance(), Duration.ofMillis(500))) {
            assertEquals("after begun", watch.next().getName());
        }
    }
}
