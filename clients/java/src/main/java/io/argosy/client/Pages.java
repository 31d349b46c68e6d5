package io.argosy.client;

import io.argosy.v1.ArtifactSummary;
import io.argosy.v1.ArtifactVersion;
import io.argosy.v1.ListArtifactVersionsRequest;
import io.argosy.v1.ListArtifactVersionsResponse;
import io.argosy.v1.ListArtifactsRequest;
import io.argosy.v1.ListArtifactsResponse;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;

/** Lists whose pages come when they are needed. */
final class Pages {
    private static final int ITEMS = 200;

    private Pages() {}

    /** One page, and the token of the next; empty on the last. */
    private record Page<T>(List<T> items, String nextToken) {}

    static Stream<ArtifactSummary> artifacts(Connection connection, String nameContains) {
        return all(token -> {
            var request = ListArtifactsRequest.newBuilder()
                    .setProject(connection.project())
                    .setNameContains(nameContains)
                    .setPageSize(ITEMS)
                    .setPageToken(token)
                    .build();
            ListArtifactsResponse page = connection.artifacts(stub -> stub.listArtifacts(request));
            return new Page<>(page.getArtifactsList(), page.getNextPageToken());
        });
    }

    static Stream<ArtifactVersion> versions(Connection connection, String name) {
        return all(token -> {
            var request = ListArtifactVersionsRequest.newBuilder()
                    .setProject(connection.project())
                    .setName(name)
                    .setPageSize(ITEMS)
                    .setPageToken(token)
                    .build();
            ListArtifactVersionsResponse page = connection.artifacts(stub -> stub.listArtifactVersions(request));
            return new Page<>(page.getArtifactVersionsList(), page.getNextPageToken());
        });
    }

    private static <T> Stream<T> all(Function<String, Page<T>> get) {
        // iterate() asks for a page only when the one before is used up.
        return Stream.iterate(
                        get.apply(""),
                        Objects::nonNull,
                        page -> page.nextToken().isEmpty() ? null : get.apply(page.nextToken()))
                .flatMap(page -> page.items().stream());
    }
}
