package io.argosy.client.codec;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import io.argosy.client.ArgosyException;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads one strict JSON document and its escapes. */
final class JsonReader {
    /** 150 levels of a value, of which each takes at most four of the document. */
    private static final int MOST_LEVELS = 700;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MOST_LEVELS)
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .maxNumberLength(5_000)
                    .build())
            .build();

    private final JsonEscapes escapes;

    JsonReader(Codecs codecs, StoredFiles files) {
        escapes = new JsonEscapes(codecs, files);
    }

    /**
     * Returns the value of a document.
     *
     * @throws ArgosyException.MalformedContent it is not strict JSON in UTF-8, or has an escape that is unknown
     */
    Object read(byte[] document) {
        try (JsonParser parser = FACTORY.createParser(utf8(document))) {
            parser.nextToken();
            Object value = value(parser);
            if (parser.nextToken() != null) {
                throw malformed("something follows the value", null);
            }
            return value;
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

    private Object value(JsonParser parser) throws IOException {
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw malformed("it ends where a value is expected", null);
        }
        return switch (token) {
            case VALUE_NULL -> null;
            case VALUE_TRUE -> Boolean.TRUE;
            case VALUE_FALSE -> Boolean.FALSE;
            case VALUE_STRING -> parser.getText();
            case VALUE_NUMBER_INT -> integer(parser.getBigIntegerValue());
            case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
            case START_ARRAY -> array(parser);
            case START_OBJECT -> object(parser);
            default -> throw malformed("it has " + token + " where a value is expected", null);
        };
    }

    /** Returns a {@link Long} where it fits. */
    static Number integer(BigInteger number) {
        return number.bitLength() < 64 ? (Number) number.longValue() : number;
    }

    private List<Object> array(JsonParser parser) throws IOException {
        List<Object> items = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            items.add(value(parser));
        }
        return items;
    }

    private Object object(JsonParser parser) throws IOException {
        Map<String, Object> members = new LinkedHashMap<>();
        int count = 0;
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            parser.nextToken();
            members.put(name, value(parser));
            count++;
        }
        if (count == 1) {
            Map.Entry<String, Object> only = members.entrySet().iterator().next();
            if (only.getKey().startsWith("$")) {
                return escapes.decode(only.getKey(), only.getValue());
            }
        }
        return members;
    }

    static ArgosyException malformed(String rule, Throwable cause) {
        return ArgosyException.malformed(
                "data.json is not a document of the format 'json': " + rule + "; save it again by a client of Argosy",
                cause);
    }
}
