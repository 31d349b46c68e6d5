/** Values as files and back: the formats of docs/formats.md. */
package io.argosy.client.codec;
