package io.argosy.client.codec;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamWriteConstraints;
import com.fasterxml.jackson.core.StreamWriteFeature;
import io.argosy.client.ArgosyException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;

/** Writes one strict JSON document, escapes where JSON cannot say a value, and the files of parts of other formats. */
final class JsonWriter {
    private static final long MOST_EXACT = (1L << 53) - 1;
    private static final int DECIMAL_BITS = 4096;
    private static final int INLINE_BYTES = 4096;
    private static final int MOST_LEVELS = 150;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER)
            .streamWriteConstraints(
                    StreamWriteConstraints.builder().maxNestingDepth(8 * MOST_LEVELS).build())
            .build();
    private static final DateTimeFormatter TIME = new DateTimeFormatterBuilder()
            .appendPattern("HH:mm:ss")
            .optionalStart()
            .appendLiteral('.')
            .appendFraction(ChronoField.MICRO_OF_SECOND, 6, 6, false)
            .toFormatter();

    private final Codecs codecs;
    private final List<NewFile> files;
    private int parts;

    /**
     * @param files where the files of parts are added
     */
    JsonWriter(Codecs codecs, List<NewFile> files) {
        this.codecs = codecs;
        this.files = files;
    }

    /**
     * Returns the document of a value.
     *
     * @throws ArgosyException.MalformedContent a part of it cannot be kept; the message names its place
     */
    byte[] write(Object value) {
        ByteArrayOutputStream document = new ByteArrayOutputStream();
        try (JsonGenerator out = FACTORY.createGenerator(document)) {
            write(out, value, "$", 0);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return document.toByteArray();
    }

    private void write(JsonGenerator out, Object value, String place, int depth) throws IOException {
        if (depth > MOST_LEVELS) {
            throw refuse(place.substring(0, Math.min(60, place.length())) + "…",
                    "nested deeper than " + MOST_LEVELS + " levels, or inside of itself", "make it flatter");
        }
        if (value == null) {
            out.writeNull();
        } else if (value instanceof Boolean flag) {
            out.writeBoolean(flag);
        } else if (value instanceof String text) {
            writeText(out, text);
        } else if (value instanceof Number number) {
            writeNumber(out, number, place);
        } else if (value instanceof Map<?, ?> map) {
            writeMap(out, map, place, depth);
        } else if (value instanceof Set<?> set) {
            writeSet(out, set, place, depth);
        } else if (value instanceof Iterable<?> items) {
            writeItems(out, items, place, depth);
        } else if (value instanceof Tagged tagged) {
            writeTagged(out, tagged, place, depth);
        } else if (value instanceof byte[] bytes && bytes.length <= INLINE_BYTES) {
            escape(out, "$bytes", Base64.getEncoder().encodeToString(bytes));
        } else if (value.getClass().isArray() && !(value instanceof byte[])) {
            writeArray(out, value, place, depth);
        } else {
            writeScalar(out, value, place);
        }
    }

    private static void writeText(JsonGenerator out, String text) throws IOException {
        if (SurrogateText.isLone(text)) {
            escape(out, "$str", Base64.getEncoder().encodeToString(SurrogateText.encode(text)));
        } else {
            out.writeString(text);
        }
    }

    private static void writeNumber(JsonGenerator out, Number number, String place) throws IOException {
        if (number instanceof Long || number instanceof Integer || number instanceof Short || number instanceof Byte) {
            writeInteger(out, BigInteger.valueOf(number.longValue()));
        } else if (number instanceof BigInteger integer) {
            writeInteger(out, integer);
        } else if (number instanceof Double || number instanceof Float) {
            double value = number.doubleValue();
            if (Double.isNaN(value)) {
                escape(out, "$float", "nan");
            } else if (Double.isInfinite(value)) {
                escape(out, "$float", value > 0 ? "inf" : "-inf");
            } else {
                out.writeNumber(value);
            }
        } else if (number instanceof BigDecimal decimal) {
            escape(out, "$decimal", decimal.toString());
        } else {
            throw refuse(place, number.getClass().getName(), "make it a Long, BigInteger, Double or BigDecimal");
        }
    }

    private static void writeInteger(JsonGenerator out, BigInteger integer) throws IOException {
        if (integer.abs().compareTo(BigInteger.valueOf(MOST_EXACT)) <= 0) {
            out.writeNumber(integer.longValue());
        } else if (integer.bitLength() <= DECIMAL_BITS) {
            escape(out, "$int", integer.toString());
        } else {
            escape(out, "$int", (integer.signum() < 0 ? "-0x" : "0x") + integer.abs().toString(16));
        }
    }

    private void writeMap(JsonGenerator out, Map<?, ?> map, String place, int depth) throws IOException {
        boolean isPlain = map.keySet().stream().allMatch(key -> key instanceof String t && !SurrogateText.isLone(t));
        boolean isEscape =
                isPlain && map.size() == 1 && ((String) map.keySet().iterator().next()).startsWith("$");
        if (isPlain && !isEscape) {
            out.writeStartObject();
            for (Map.Entry<?, ?> member : map.entrySet()) {
                out.writeFieldName((String) member.getKey());
                write(out, member.getValue(), place + "." + member.getKey(), depth + 1);
            }
            out.writeEndObject();
            return;
        }
        begin(out, "$dict");
        out.writeStartArray();
        for (Map.Entry<?, ?> member : map.entrySet()) {
            out.writeStartArray();
            write(out, member.getKey(), place + ".key", depth + 1);
            write(out, member.getValue(), place + "." + member.getKey(), depth + 1);
            out.writeEndArray();
        }
        out.writeEndArray();
        out.writeEndObject();
    }

    private void writeSet(JsonGenerator out, Set<?> set, String place, int depth) throws IOException {
        TreeSet<String> sorted = new TreeSet<>(); // by their JSON text, so that equal sets are equal files
        for (Object item : set) {
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            try (JsonGenerator alone = FACTORY.createGenerator(text)) {
                write(alone, item, place + "{}", depth + 1);
            }
            sorted.add(text.toString(StandardCharsets.UTF_8));
        }
        begin(out, "$set");
        out.writeStartArray();
        for (String item : sorted) {
            out.writeRawValue(item);
        }
        out.writeEndArray();
        out.writeEndObject();
    }

    private void writeItems(JsonGenerator out, Iterable<?> items, String place, int depth) throws IOException {
        out.writeStartArray();
        int number = 0;
        for (Object item : items) {
            write(out, item, place + "[" + number + "]", depth + 1);
            number++;
        }
        out.writeEndArray();
    }

    private void writeArray(JsonGenerator out, Object array, String place, int depth) throws IOException {
        out.writeStartArray();
        for (int i = 0; i < Array.getLength(array); i++) {
            write(out, Array.get(array, i), place + "[" + i + "]", depth + 1);
        }
        out.writeEndArray();
    }

    private void writeTagged(JsonGenerator out, Tagged tagged, String place, int depth) throws IOException {
        boolean isText = Set.of("$str", "$decimal", "$datetime", "$time").contains(tagged.tag());
        if (!isText && !JsonEscapes.KEPT.contains(tagged.tag())) {
            throw refuse(place, "Tagged with " + tagged.tag(), "use an escape of docs/formats.md without an own type");
        }
        begin(out, tagged.tag());
        write(out, tagged.payload(), place + tagged.tag(), depth);
        out.writeEndObject();
    }

    private void writeScalar(JsonGenerator out, Object value, String place) throws IOException {
        if (value instanceof UUID) {
            escape(out, "$uuid", value.toString());
        } else if (value instanceof LocalDate) {
            escape(out, "$date", value.toString());
        } else if (value instanceof LocalDateTime || value instanceof OffsetDateTime) {
            escape(out, "$datetime", checked(value, place));
        } else if (value instanceof LocalTime) {
            escape(out, "$time", checked(value, place));
        } else if (value instanceof Duration duration) {
            writeDuration(out, duration, place);
        } else {
            writePart(out, value, place);
        }
    }

    private static String checked(Object moment, String place) {
        int nanos = ((java.time.temporal.TemporalAccessor) moment).get(ChronoField.NANO_OF_SECOND);
        if (nanos % 1_000 != 0) {
            throw refuse(place, moment + " with nanoseconds", "truncate it to microseconds");
        }
        return text(moment);
    }

    /** Returns a moment or time of day as Python's isoformat writes it. */
    static String text(Object moment) {
        if (moment instanceof LocalTime time) {
            return time.getNano() == 0 ? TIME.format(time).substring(0, 8) : TIME.format(time);
        }
        if (moment instanceof LocalDateTime local) {
            return local.toLocalDate() + "T" + text(local.toLocalTime());
        }
        OffsetDateTime aware = (OffsetDateTime) moment;
        ZoneOffset offset = aware.getOffset();
        String tail = offset.getTotalSeconds() == 0 ? "+00:00" : offset.getId();
        return text(aware.toLocalDateTime()) + tail;
    }

    private static void writeDuration(JsonGenerator out, Duration duration, String place) throws IOException {
        if (duration.getNano() % 1_000 != 0) {
            throw refuse(place, duration + " with nanoseconds", "truncate it to microseconds");
        }
        begin(out, "$timedelta");
        out.writeStartArray();
        out.writeNumber(Math.floorDiv(duration.getSeconds(), 86_400L));
        out.writeNumber(Math.floorMod(duration.getSeconds(), 86_400L));
        out.writeNumber(duration.getNano() / 1_000);
        out.writeEndArray();
        out.writeEndObject();
    }

    /** Writes a value of another format as files of its own, which lie below {@code items/<n>}. */
    private void writePart(JsonGenerator out, Object value, String place) throws IOException {
        Codec<Object> codec = codecs.forValue(value);
        if (codec.format().equals("json")) {
            throw refuse(place, value.getClass().getName(), "make it maps, lists, text and numbers");
        }
        String at = "items/" + parts++;
        for (NewFile file : codec.encode(value)) {
            files.add(new NewFile(at + "/" + file.path(), file.content()));
        }
        begin(out, "$value");
        out.writeStartObject();
        out.writeStringField("at", at);
        out.writeStringField("materializer", "");
        out.writeStringField("type", "");
        out.writeStringField("format", codec.format());
        out.writeEndObject();
        out.writeEndObject();
    }

    private static void begin(JsonGenerator out, String tag) throws IOException {
        out.writeStartObject();
        out.writeFieldName(tag);
    }

    private static void escape(JsonGenerator out, String tag, String payload) throws IOException {
        begin(out, tag);
        out.writeString(payload);
        out.writeEndObject();
    }

    private static ArgosyException refuse(String place, String what, String cure) {
        return ArgosyException.malformed("format 'json' cannot keep " + place + ": " + what + "; " + cure, null);
    }
}
