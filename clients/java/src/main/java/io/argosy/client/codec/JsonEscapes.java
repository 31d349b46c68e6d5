package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;

/** Makes values of the escapes of docs/formats.md, whose payloads are decoded already. */
final class JsonEscapes {
    /** Escapes without an equal in Java. */
    static final Set<String> KEPT = Set.of(
            "$bytearray", "$complex", "$fraction", "$timezone", "$zoneinfo", "$range", "$slice", "$tuple",
            "$frozenset", "$deque", "$ordereddict", "$counter", "$defaultdict", "$enum", "$flag", "$namedtuple",
            "$dataclass", "$model", "$numpy", "$pandas");

    private static final Pattern INTEGER = Pattern.compile("-?[0-9]+");
    private static final Pattern HEXADECIMAL = Pattern.compile("-?0x[0-9a-fA-F]+");
    private static final Pattern NO_NUMBER = Pattern.compile("-?(s?NaN[0-9]*|Infinity)");
    private static final String CLOCK = "[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{6})?";
    private static final String OFFSET = "([+-]" + CLOCK + "|[+-][0-9]{2}:[0-9]{2})?";
    private static final Pattern TIME = Pattern.compile(CLOCK + OFFSET);
    private static final Pattern MOMENT = Pattern.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T" + CLOCK + OFFSET);
    private static final Pattern NESTED = Pattern.compile("items/(0|[1-9][0-9]*)");

    private final Codecs codecs;
    private final StoredFiles files;

    JsonEscapes(Codecs codecs, StoredFiles files) {
        this.codecs = codecs;
        this.files = files;
    }

    /**
     * Returns the value of an escape.
     *
     * @throws ArgosyException.MalformedContent it is unknown, or its payload malformed
     */
    Object decode(String tag, Object payload) {
        try {
            return switch (tag) {
                case "$int" -> integer((String) payload);
                case "$float" -> number((String) payload);
                case "$str" -> text((String) payload);
                case "$bytes" -> Base64.getDecoder().decode((String) payload);
                case "$decimal" -> decimal((String) payload);
                case "$uuid" -> uuid((String) payload);
                case "$datetime" -> payload instanceof String moment ? moment(moment) : new Tagged(tag, payload);
                case "$date" -> LocalDate.parse((String) payload);
                case "$time" -> payload instanceof String time ? time(time) : new Tagged(tag, payload);
                case "$timedelta" -> duration((List<?>) payload);
                case "$set" -> new LinkedHashSet<Object>((List<?>) payload);
                case "$dict" -> pairs((List<?>) payload);
                case "$value" -> nested((Map<?, ?>) payload);
                default -> kept(tag, payload);
            };
        } catch (ClassCastException | IllegalArgumentException | DateTimeException | ArithmeticException rule) {
            throw JsonReader.malformed("the payload of " + tag + " is malformed (" + rule.getMessage() + ")", rule);
        }
    }

    private static Object kept(String tag, Object payload) {
        if (!KEPT.contains(tag)) {
            throw JsonReader.malformed("it has the escape " + tag + ", which this client does not know", null);
        }
        if (tag.equals("$bytearray")) {
            Base64.getDecoder().decode((String) payload);
        } else if (!tag.equals("$zoneinfo")) {
            List<?> checked = (List<?>) payload;
            return new Tagged(tag, checked);
        }
        return new Tagged(tag, (String) payload);
    }

    private static Number integer(String digits) {
        if (INTEGER.matcher(digits).matches()) {
            return JsonReader.integer(new BigInteger(digits));
        }
        if (HEXADECIMAL.matcher(digits).matches()) {
            boolean isNegative = digits.startsWith("-");
            BigInteger size = new BigInteger(digits.substring(isNegative ? 3 : 2), 16);
            return JsonReader.integer(isNegative ? size.negate() : size);
        }
        throw new IllegalArgumentException("write decimal digits, or 0x and hexadecimal ones");
    }

    private static Double number(String name) {
        return switch (name) {
            case "nan" -> Double.NaN;
            case "inf" -> Double.POSITIVE_INFINITY;
            case "-inf" -> Double.NEGATIVE_INFINITY;
            default -> throw new IllegalArgumentException("write nan, inf or -inf");
        };
    }

    private static Object text(String base64) {
        String decoded = SurrogateText.decode(Base64.getDecoder().decode(base64));
        // Two lone halves side by side would become one character here.
        boolean isExact = Base64.getEncoder().encodeToString(SurrogateText.encode(decoded)).equals(base64);
        return isExact ? decoded : new Tagged("$str", base64);
    }

    private static Object decimal(String text) {
        if (NO_NUMBER.matcher(text).matches()) {
            return new Tagged("$decimal", text);
        }
        BigDecimal number = new BigDecimal(text);
        return number.toString().equals(text) ? number : new Tagged("$decimal", text);
    }

    private static UUID uuid(String text) {
        UUID found = UUID.fromString(text);
        if (!found.toString().equalsIgnoreCase(text)) {
            throw new IllegalArgumentException("write 36 characters");
        }
        return found;
    }

    private static Object moment(String text) {
        if (!MOMENT.matcher(text).matches()) {
            throw new IllegalArgumentException("write RFC 3339 text");
        }
        int time = text.indexOf('T');
        boolean isAware = text.indexOf('+', time) > 0 || text.indexOf('-', time) > 0 || text.endsWith("Z");
        try {
            Object moment = isAware ? OffsetDateTime.parse(text) : LocalDateTime.parse(text);
            return JsonWriter.text(moment).equals(text) ? moment : new Tagged("$datetime", text);
        } catch (DateTimeException beyondJava) { // an offset of more than 18 hours, or with a fraction
            return new Tagged("$datetime", text);
        }
    }

    private static Object time(String text) {
        if (!TIME.matcher(text).matches()) {
            throw new IllegalArgumentException("write a time of day");
        }
        try {
            LocalTime time = LocalTime.parse(text);
            return JsonWriter.text(time).equals(text) ? time : new Tagged("$time", text);
        } catch (DateTimeException withOffset) {
            return new Tagged("$time", text);
        }
    }

    private static Duration duration(List<?> parts) {
        if (parts.size() != 3) {
            throw new IllegalArgumentException("write days, seconds and microseconds");
        }
        return Duration.ofDays((Long) parts.get(0))
                .plusSeconds((Long) parts.get(1))
                .plusNanos(Math.multiplyExact((Long) parts.get(2), 1_000));
    }

    private static Map<Object, Object> pairs(List<?> pairs) {
        Map<Object, Object> members = new LinkedHashMap<>();
        for (Object pair : pairs) {
            List<?> both = (List<?>) pair;
            if (both.size() != 2) {
                throw new IllegalArgumentException("write pairs of key and value");
            }
            members.put(both.get(0), both.get(1));
        }
        return members;
    }

    private Object nested(Map<?, ?> reference) {
        List<String> texts = new ArrayList<>();
        for (String member : List.of("at", "format")) {
            texts.add((String) reference.get(member));
        }
        if (texts.contains(null) || !NESTED.matcher(texts.get(0)).matches()) {
            throw new IllegalArgumentException("write at, materializer, type and format");
        }
        StoredFiles part = files.child(texts.get(0));
        if (part.paths().isEmpty()) {
            throw new IllegalArgumentException("there are no files below " + texts.get(0));
        }
        return codecs.forFormat(texts.get(1)).decode(part);
    }
}
