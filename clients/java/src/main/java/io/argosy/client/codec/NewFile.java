package io.argosy.client.codec;

import io.argosy.client.ByteSource;

/**
 * One file of a version to be saved.
 *
 * @param path relative, {@code /} separated, unique inside the version
 * @param content its bytes
 */
public record NewFile(String path, ByteSource content) {}
