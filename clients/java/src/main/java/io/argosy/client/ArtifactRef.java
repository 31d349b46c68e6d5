package io.argosy.client;

import io.argosy.v1.VersionSelector;
import java.util.Objects;

/** Names one version of an artifact: the latest, one by its label or alias, or any by its id. */
public final class ArtifactRef {
    private final VersionSelector selector;

    private ArtifactRef(VersionSelector selector) {
        this.selector = selector;
    }

    /** The latest version of a name. */
    public static ArtifactRef latest(String name) {
        return new ArtifactRef(named(name).build());
    }

    /** The version with a label: {@code version("weights", "3")}. */
    public static ArtifactRef version(String name, String version) {
        return new ArtifactRef(named(name).setVersion(named("version", name, version)).build());
    }

    /** The version an alias points at now: {@code alias("weights", "prod")}. */
    public static ArtifactRef alias(String name, String alias) {
        return new ArtifactRef(named(name).setAlias(named("alias", name, alias)).build());
    }

    /** The version of a name in the most recent completed run of a pipeline. */
    public static ArtifactRef ofPipeline(String name, String pipelineName) {
        return new ArtifactRef(named(name).setPipelineName(named("pipeline", name, pipelineName)).build());
    }

    /** The version with this UUID. */
    public static ArtifactRef id(String id) {
        return new ArtifactRef(VersionSelector.newBuilder()
                .setId(Objects.requireNonNull(id, "id"))
                .build());
    }

    VersionSelector selector() {
        return selector;
    }

    private static VersionSelector.Builder named(String name) {
        return VersionSelector.newBuilder().setName(Objects.requireNonNull(name, "name"));
    }

    /** Refuses an empty text, which the server would take for one that is not given: for the latest version. */
    private static String named(String what, String name, String text) {
        if (Objects.requireNonNull(text, what).isEmpty()) {
            throw ArgosyException.invalidRequest(
                    "the " + what + " of \"" + name + "\" is empty; name one, or write ArtifactRef.latest(...)");
        }
        return text;
    }

    @Override
    public String toString() {
        if (!selector.getId().isEmpty()) {
            return selector.getId();
        }
        String which = selector.getVersion() + selector.getAlias() + selector.getPipelineName();
        return which.isEmpty() ? selector.getName() : selector.getName() + " (" + which + ")";
    }
}
