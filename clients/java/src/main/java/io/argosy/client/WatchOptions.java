package io.argosy.client;

import io.argosy.v1.ArtifactEventKind;
import io.argosy.v1.WatchArtifactsRequest;

/** What to watch. Immutable: each method returns a copy with one filter more; all of them hold together. */
public final class WatchOptions {
    private static final WatchOptions ALL = new WatchOptions(WatchArtifactsRequest.getDefaultInstance());

    private final WatchArtifactsRequest request;

    private WatchOptions(WatchArtifactsRequest request) {
        this.request = request;
    }

    /** Every change from now on. */
    public static WatchOptions all() {
        return ALL;
    }

    /** Begins after what a cursor stands for, instead of now. */
    public WatchOptions cursor(String cursor) {
        return new WatchOptions(request.toBuilder().setCursor(cursor).build());
    }

    /** Only this artifact. */
    public WatchOptions name(String name) {
        return new WatchOptions(request.toBuilder().setName(name).build());
    }

    /** Only moves and removals of this alias. */
    public WatchOptions alias(String alias) {
        return new WatchOptions(request.toBuilder().setAlias(alias).build());
    }

    /** Only events of versions with this tag, or that lose or gain it. */
    public WatchOptions tag(String tag) {
        return new WatchOptions(request.toBuilder().setTag(tag).build());
    }

    /** Only events of this kind, or of the others given so. */
    public WatchOptions kind(ArtifactEventKind kind) {
        return new WatchOptions(request.toBuilder().addKinds(kind).build());
    }

    WatchArtifactsRequest request(String project) {
        return request.toBuilder().setProject(project).build();
    }
}
