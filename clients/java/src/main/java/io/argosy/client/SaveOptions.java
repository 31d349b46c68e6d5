package io.argosy.client;

import io.argosy.v1.ArtifactSpec;

/**
 * What may be said about a version beside its name and value. Immutable: each method returns a copy with one thing more.
 */
public final class SaveOptions {
    private static final SaveOptions NONE = new SaveOptions(ArtifactSpec.getDefaultInstance());

    private final ArtifactSpec spec;

    private SaveOptions(ArtifactSpec spec) {
        this.spec = spec;
    }

    /** Nothing: the next number is the label. */
    public static SaveOptions none() {
        return NONE;
    }

    /** The label of the version, instead of the next number. */
    public SaveOptions version(String version) {
        return new SaveOptions(spec.toBuilder().setVersion(version).build());
    }

    /** An alias that points at the version in the moment it becomes visible. */
    public SaveOptions alias(String alias) {
        return new SaveOptions(spec.toBuilder().addAliases(alias).build());
    }

    /** A label that any number of versions may share. */
    public SaveOptions tag(String tag) {
        return new SaveOptions(spec.toBuilder().addTags(tag).build());
    }

    /**
     * A fact about the value.
     *
     * @param json one JSON document: {@code "12"}, {@code "\"text\""}
     */
    public SaveOptions metadata(String key, String json) {
        return new SaveOptions(spec.toBuilder().putMetadata(key, json).build());
    }

    /** What the value is, in words for people. */
    public SaveOptions description(String description) {
        return new SaveOptions(spec.toBuilder().setDescription(description).build());
    }

    ArtifactSpec spec(String name, String format) {
        return spec.toBuilder().setName(name).setFormat(format).build();
    }
}
