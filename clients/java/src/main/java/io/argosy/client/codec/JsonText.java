package io.argosy.client.codec;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamWriteConstraints;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.jr.ob.JSON;
import io.argosy.client.ArgosyException;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Strict JSON as maps, lists, text, numbers, booleans and null, and back; escapes are maps here. */
final class JsonText {
    /** A level of a value takes at most four of the document. */
    private static final int MOST_LEVELS = 4 * JsonLowering.MOST_LEVELS + 100;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MOST_LEVELS)
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .maxNumberLength(5_000)
                    .build())
            .streamWriteConstraints(
                    StreamWriteConstraints.builder().maxNestingDepth(2 * MOST_LEVELS).build())
            .build();
    private static final JSON JACKSON = JSON.builder(FACTORY)
            .disable(JSON.Feature.FAIL_ON_DUPLICATE_MAP_KEYS)
            .enable(JSON.Feature.WRITE_NULL_PROPERTIES)
            .build();

    private JsonText() {}

    static String write(Object tree) {
        StringWriter text = new StringWriter();
        try (JsonGenerator generator = FACTORY.createGenerator(text)) {
            JACKSON.write(tree, generator);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return text.toString();
    }

    /**
     * Returns the structure of a document.
     *
     * @throws ArgosyException.MalformedContent it is not strict JSON in UTF-8
     */
    static Object read(byte[] document) {
        try (JsonParser parser = FACTORY.createParser(utf8(document))) {
            if (parser.nextToken() == null) {
                throw malformed("it is empty", null);
            }
            Object tree = JACKSON.anyFrom(parser);
            if (parser.nextToken() != null) {
                throw malformed("something follows the value", null);
            }
            return tree;
        } catch (JsonProcessingException rule) {
            throw malformed(rule.getOriginalMessage(), rule);
        } catch (IOException unreadable) {
            throw malformed(String.valueOf(unreadable.getMessage()), unreadable);
        }
    }

    private static String utf8(byte[] document) {
        String text;
        try {
            text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(document)).toString();
        } catch (CharacterCodingException notText) {
            throw malformed("it is not UTF-8", notText);
        }
        if (text.startsWith("\ufeff")) {
            throw malformed("it begins with a byte order mark", null);
        }
        return text;
    }

    static ArgosyException malformed(String rule, Throwable cause) {
        return ArgosyException.malformed(
                "data.json is not a document of the format 'json': " + rule + "; save it again by a client of Argosy",
                cause);
    }
}
