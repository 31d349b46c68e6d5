package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoField;
import java.time.temporal.Temporal;
import java.time.temporal.TemporalAccessor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.IntStream;

/** Makes what JSON can say of values: escapes where it cannot, and files of their own for parts of other formats. */
final class JsonLowering {
    static final int MOST_LEVELS = 150;

    private static final long MOST_EXACT = (1L << 53) - 1;
    private static final int DECIMAL_BITS = 4096;
    private static final int INLINE_BYTES = 4096;
    private static final int MOST_DAYS = 999_999_999;
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss");
    private static final DateTimeFormatter EXACT_TIME = new DateTimeFormatterBuilder()
            .append(TIME)
            .appendLiteral('.')
            .appendFraction(ChronoField.MICRO_OF_SECOND, 6, 6, false)
            .toFormatter();

    private final Codecs codecs;
    private final List<NewFile> files;
    private int parts;

    /**
     * @param files where the files of parts are added
     */
    JsonLowering(Codecs codecs, List<NewFile> files) {
        this.codecs = codecs;
        this.files = files;
    }

    /**
     * Returns what {@link JsonText} writes for a value.
     *
     * @throws ArgosyException.MalformedContent a part of it cannot be kept; the message names its place
     */
    Object lower(Object value) {
        return lower(value, "$", 0);
    }

    private Object lower(Object value, String place, int depth) {
        if (depth > MOST_LEVELS) {
            throw refuse(place.substring(0, Math.min(60, place.length())) + "…",
                    "nested deeper than " + MOST_LEVELS + " levels, or inside of itself", "make it flatter");
        }
        if (value == null || value instanceof Boolean) {
            return value;
        } else if (value instanceof String text) {
            if (!FileNames.isUnicode(text)) {
                throw refuse(place, "text with a surrogate without its other half", "leave it out");
            }
            return text;
        } else if (codecs.isPart(value)) { // A path is an Iterable, too.
            return part(value, place);
        } else if (value instanceof Number number) {
            return number(number, place);
        } else if (value instanceof Map<?, ?> map) {
            return map(map, place, depth);
        } else if (value instanceof Set<?> set) {
            Map<String, Object> sorted = new TreeMap<>(); // by their JSON text, so that equal sets are equal files
            for (Object item : items(set, place, depth)) {
                sorted.put(JsonText.write(item), item);
            }
            return escape("$set", List.copyOf(sorted.values()));
        } else if (value instanceof Iterable<?> items) {
            return items(items, place, depth);
        } else if (value instanceof Tagged tagged) {
            if (!JsonEscapes.isTag(tagged.tag())) {
                throw refuse(place, "Tagged with " + tagged.tag(), "use an escape without a type of its own");
            }
            return escape(tagged.tag(), lower(tagged.payload(), place + tagged.tag(), depth));
        } else if (value instanceof byte[] bytes && bytes.length <= INLINE_BYTES) {
            return escape("$bytes", Base64.getEncoder().encodeToString(bytes));
        } else if (value.getClass().isArray() && !(value instanceof byte[])) {
            int length = Array.getLength(value);
            return items(IntStream.range(0, length).mapToObj(i -> Array.get(value, i))::iterator, place, depth);
        } else if (value instanceof UUID) {
            return escape("$uuid", value.toString());
        } else if (value instanceof LocalDate date) {
            requireYear(date, place);
            return escape("$date", date.toString());
        } else if (value instanceof LocalDateTime || value instanceof OffsetDateTime) {
            requireYear((TemporalAccessor) value, place);
            return escape("$datetime", exact((TemporalAccessor) value, place));
        } else if (value instanceof LocalTime time) {
            return escape("$time", exact(time, place));
        } else if (value instanceof Duration duration) {
            return escape("$timedelta", parts(duration, place));
        }
        return part(value, place);
    }

    private static Object number(Number number, String place) {
        if (number instanceof Long || number instanceof Integer || number instanceof Short || number instanceof Byte) {
            return integer(BigInteger.valueOf(number.longValue()));
        } else if (number instanceof BigInteger integer) {
            return integer(integer);
        } else if (number instanceof Double || number instanceof Float) {
            double value = number.doubleValue();
            if (Double.isFinite(value)) {
                return value;
            }
            return escape("$float", Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf");
        } else if (number instanceof BigDecimal decimal) {
            return escape("$decimal", decimal.toString());
        }
        throw refuse(place, number.getClass().getName(), "make it a Long, BigInteger, Double or BigDecimal");
    }

    private static Object integer(BigInteger integer) {
        if (integer.abs().compareTo(BigInteger.valueOf(MOST_EXACT)) <= 0) {
            return integer.longValue();
        } else if (integer.bitLength() <= DECIMAL_BITS) {
            return escape("$int", integer.toString());
        }
        return escape("$int", (integer.signum() < 0 ? "-0x" : "0x") + integer.abs().toString(16));
    }

    private Object map(Map<?, ?> map, String place, int depth) {
        boolean isPlain = map.keySet().stream().allMatch(String.class::isInstance);
        if (isPlain && !JsonEscapes.isEscape(map)) {
            Map<Object, Object> members = new LinkedHashMap<>();
            map.forEach((name, member) -> members.put(
                    lower(name, place + ".key", depth), lower(member, place + "." + name, depth + 1)));
            return members;
        }
        List<Object> pairs = new ArrayList<>();
        map.forEach((key, member) -> pairs.add(Arrays.asList(
                lower(key, place + ".key", depth + 1), lower(member, place + "." + key, depth + 1))));
        return escape("$dict", pairs);
    }

    private List<Object> items(Iterable<?> items, String place, int depth) {
        List<Object> lowered = new ArrayList<>();
        for (Object item : items) {
            lowered.add(lower(item, place + "[" + lowered.size() + "]", depth + 1));
        }
        return lowered;
    }

    private static void requireYear(TemporalAccessor date, String place) {
        int year = date.get(ChronoField.YEAR);
        if (year < 1 || year > 9_999) {
            throw refuse(place, "the year " + year + ", and Python has those from 1 to 9999", "save it as text");
        }
    }

    private static String exact(TemporalAccessor moment, String place) {
        requireMicroseconds(moment.get(ChronoField.NANO_OF_SECOND), moment, place);
        return text(moment);
    }

    private static List<Object> parts(Duration duration, String place) {
        requireMicroseconds(duration.getNano(), duration, place);
        long days = Math.floorDiv(duration.getSeconds(), 86_400L);
        if (Math.abs(days) > MOST_DAYS) {
            throw refuse(place, duration + ", and Python has at most " + MOST_DAYS + " days", "save a number");
        }
        return List.of(days, Math.floorMod(duration.getSeconds(), 86_400L), duration.getNano() / 1_000);
    }

    private static void requireMicroseconds(int nanoseconds, Object value, String place) {
        if (nanoseconds % 1_000 != 0) {
            throw refuse(place, value + " with nanoseconds", "truncate it to microseconds");
        }
    }

    /** Returns a moment or time of day as Python's isoformat writes it. */
    static String text(Object moment) {
        if (moment instanceof LocalTime time) {
            return (time.getNano() == 0 ? TIME : EXACT_TIME).format(time);
        }
        if (moment instanceof LocalDateTime local) {
            return local.toLocalDate() + "T" + text(local.toLocalTime());
        }
        OffsetDateTime aware = (OffsetDateTime) moment;
        ZoneOffset offset = aware.getOffset();
        return text(aware.toLocalDateTime()) + (offset.equals(ZoneOffset.UTC) ? "+00:00" : offset.getId());
    }

    /** Makes a value of another format files of its own, which lie below {@code items/<n>}. */
    private Object part(Object value, String place) {
        Codec<Object> codec = codecs.forValue(value);
        if (codec.format().equals("json")) {
            throw refuse(place, value.getClass().getName(), value instanceof Temporal
                    ? "make it a LocalDate, LocalTime, LocalDateTime or OffsetDateTime"
                    : "make it maps, lists, text and numbers");
        }
        String at = "items/" + parts++;
        for (NewFile file : codec.encode(value)) {
            files.add(new NewFile(at + "/" + file.path(), file.content()));
        }
        return escape("$value", Map.of("at", at, "materializer", "", "type", "", "format", codec.format()));
    }

    private static Map<String, Object> escape(String tag, Object payload) {
        return Collections.singletonMap(tag, payload);
    }

    private static ArgosyException refuse(String place, String what, String cure) {
        return ArgosyException.malformed("format 'json' cannot keep " + place + ": " + what + "; " + cure, null);
    }
}
