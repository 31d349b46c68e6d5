package io.argosy.client;

import io.argosy.v1.ArtifactServiceGrpc;
import io.argosy.v1.ArtifactSummary;
import io.argosy.v1.ListArtifactsRequest;
import io.argosy.v1.ListArtifactsResponse;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Plays the vectors of page tokens. */
final class VectorPages extends ArtifactServiceGrpc.ArtifactServiceImplBase {
    private final Iterator<?> calls;

    private VectorPages(List<?> calls) {
        this.calls = calls.iterator();
    }

    static void run(Map<?, ?> vector) {
        VectorPages pages = new VectorPages((List<?>) vector.get("calls"));
        try (VectorServer server = new VectorServer(new VectorServer.Capable(), pages)) {
            List<String> items = Pages.artifacts(server.connection(), "")
                    .map(ArtifactSummary::getName)
                    .toList();
            ConformanceVectors.expect(items.equals(vector.get("items")), "items: " + items);
            ConformanceVectors.expect(!pages.calls.hasNext(), "not all pages were asked for");
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
    }

    @Override
    public synchronized void listArtifacts(ListArtifactsRequest request, StreamObserver<ListArtifactsResponse> answer) {
        Map<?, ?> call = calls.hasNext() ? (Map<?, ?>) calls.next() : Map.of();
        if (!request.getPageToken().equals(call.get("page_token"))) {
            answer.onError(Status.OUT_OF_RANGE
                    .withDescription("asked for the token " + request.getPageToken())
                    .asRuntimeException());
            return;
        }
        Map<?, ?> page = (Map<?, ?>) call.get("answer");
        var response = ListArtifactsResponse.newBuilder().setNextPageToken((String) page.get("next_page_token"));
        for (Object name : (List<?>) page.get("items")) {
            response.addArtifacts(ArtifactSummary.newBuilder().setName((String) name));
        }
        answer.onNext(response.build());
        answer.onCompleted();
    }
}
