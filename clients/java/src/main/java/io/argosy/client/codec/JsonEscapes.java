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
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Makes values of what JSON says, and of the escapes of docs/formats.md in it. */
final class JsonEscapes {
    /** Escapes without an equal in Java, whose payloads are text or lists. */
    private static final Set<String> OF_TEXT = Set.of("$bytearray", "$str", "$zoneinfo");
    private static final Set<String> OF_LISTS = Set.of(
            "$complex", "$fraction", "$timezone", "$range", "$slice", "$tuple", "$frozenset", "$deque", "$ordereddict",
            "$counter", "$defaultdict", "$enum", "$flag", "$namedtuple", "$dataclass", "$model", "$numpy", "$pandas");
    /** Escapes some of whose payloads have no equal in Java. */
    private static final Set<String> OF_SOME = Set.of("$decimal", "$datetime", "$time");

    private static final Pattern INTEGER = Pattern.compile("-?[0-9]+");
    private static final Pattern DECIMAL = Pattern.compile("-?[0-9]++([.][0-9]++)?(E[+-][0-9]++)?");
    private static final Pattern HEXADECIMAL = Pattern.compile("-?0x[0-9a-fA-F]+");
    private static final Pattern NO_NUMBER = Pattern.compile("-?(s?NaN[0-9]*|Infinity)");
    /** Of which Java makes a number: the time it takes grows with their square, and Python makes no integer of more. */
    private static final int MOST_DIGITS = 4_300;
    private static final Pattern DATE = Pattern.compile("(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}");
    private static final String MINUTES = "([01][0-9]|2[0-3]):[0-5][0-9]";
    private static final String CLOCK = MINUTES + ":[0-5][0-9]([.][0-9]{1,6})?";
    private static final String OFFSET = "([+-]" + MINUTES + "(:[0-5][0-9]([.][0-9]{6})?)?)?";
    private static final Pattern TIME = Pattern.compile(CLOCK + OFFSET);
    private static final Pattern MOMENT = Pattern.compile(DATE + "T" + CLOCK + OFFSET);
    private static final Pattern NESTED = Pattern.compile("items/(0|[1-9][0-9]*)");

    private final Codecs codecs;
    private final StoredFiles files;

    JsonEscapes(Codecs codecs, StoredFiles files) {
        this.codecs = codecs;
        this.files = files;
    }

    /** Tells whether {@link Tagged} may have a tag. */
    static boolean isTag(String tag) {
        return OF_TEXT.contains(tag) || OF_LISTS.contains(tag) || OF_SOME.contains(tag);
    }

    /** Tells whether an object of JSON is an escape: its only member has a name that begins with a dollar sign. */
    static boolean isEscape(Map<?, ?> object) {
        return object.size() == 1 && object.keySet().iterator().next() instanceof String name && name.startsWith("$");
    }

    /**
     * Returns the value of what {@link JsonText} read.
     *
     * @throws ArgosyException.MalformedContent an escape is unknown, or its payload malformed
     */
    Object raise(Object tree) {
        if (tree instanceof Map<?, ?> object) {
            Map<Object, Object> members = new LinkedHashMap<>();
            object.forEach((name, member) -> members.put(name, raise(member)));
            if (isEscape(members)) {
                var only = members.entrySet().iterator().next();
                return decode((String) only.getKey(), only.getValue());
            }
            return members;
        }
        if (tree instanceof List<?> items) {
            List<Object> raised = new ArrayList<>();
            items.forEach(item -> raised.add(raise(item)));
            return raised;
        }
        if (tree instanceof Double number && number.isInfinite()) {
            throw JsonText.malformed("it has a number beyond all that a float64 can be", null);
        }
        return tree instanceof Integer number ? (Long) number.longValue() : tree;
    }

    private Object decode(String tag, Object payload) {
        try {
            return switch (tag) {
                case "$int" -> integer((String) payload);
                case "$float" -> number((String) payload);
                case "$bytes" -> bytes((String) payload);
                case "$decimal" -> decimal((String) payload);
                case "$uuid" -> uuid((String) payload);
                case "$datetime" -> payload instanceof String moment ? moment(moment) : new Tagged(tag, payload);
                case "$date" -> date((String) payload);
                case "$time" -> payload instanceof String time ? time(time) : new Tagged(tag, payload);
                case "$timedelta" -> duration((List<?>) payload);
                case "$set" -> set((List<?>) payload);
                case "$dict" -> pairs((List<?>) payload);
                case "$value" -> nested((Map<?, ?>) payload);
                default -> kept(tag, payload);
            };
        } catch (ClassCastException | IllegalArgumentException | DateTimeException | ArithmeticException rule) {
            throw JsonText.malformed("the payload of " + tag + " is malformed (" + rule.getMessage() + ")", rule);
        }
    }

    private static Tagged kept(String tag, Object payload) {
        if (tag.equals("$bytearray") || tag.equals("$str")) {
            bytes((String) payload);
        }
        if (OF_TEXT.contains(tag)) {
            return new Tagged(tag, (String) payload);
        } else if (OF_LISTS.contains(tag)) {
            return new Tagged(tag, (List<?>) payload);
        }
        throw JsonText.malformed("it has the escape " + tag + ", which this client does not know", null);
    }

    private static byte[] bytes(String base64) {
        if (base64.length() % 4 != 0) {
            throw new IllegalArgumentException("write padded base64");
        }
        return Base64.getDecoder().decode(base64);
    }

    private static Number integer(String digits) {
        BigInteger number;
        if (INTEGER.matcher(digits).matches()) {
            if (digits.length() > MOST_DIGITS) {
                throw new IllegalArgumentException("it has over " + MOST_DIGITS + " decimal digits");
            }
            number = new BigInteger(digits);
        } else if (HEXADECIMAL.matcher(digits).matches()) {
            String hex = digits.substring(digits.indexOf('x') + 1);
            byte[] bytes = HexFormat.of().parseHex(hex.length() % 2 == 0 ? hex : "0" + hex);
            number = new BigInteger(1, bytes); // at once; the time it takes for text grows with its square
            number = digits.startsWith("-") ? number.negate() : number;
        } else {
            throw new IllegalArgumentException("write decimal digits, or 0x and hexadecimal ones");
        }
        return number.bitLength() < 64 ? (Number) number.longValue() : number;
    }

    private static Double number(String name) {
        return switch (name) {
            case "nan" -> Double.NaN;
            case "inf" -> Double.POSITIVE_INFINITY;
            case "-inf" -> Double.NEGATIVE_INFINITY;
            default -> throw new IllegalArgumentException("write nan, inf or -inf");
        };
    }

    private static Object decimal(String text) {
        boolean isLong = text.length() > MOST_DIGITS && DECIMAL.matcher(text).matches();
        if (isLong || NO_NUMBER.matcher(text).matches()) {
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

    private static LocalDate date(String text) {
        if (!DATE.matcher(text).matches()) {
            throw new IllegalArgumentException("write YYYY-MM-DD");
        }
        return LocalDate.parse(text);
    }

    private static Object moment(String text) {
        Object moment = known("$datetime", MOMENT, text, given -> DateTimeFormatter.ISO_DATE_TIME.parseBest(
                given, OffsetDateTime::from, LocalDateTime::from));
        date(text.substring(0, text.indexOf('T')));
        return moment;
    }

    private static Object time(String text) {
        return known("$time", TIME, text, LocalTime::parse);
    }

    /** Returns a moment that Java has, or the text of another, such as one with an offset of 19 h. */
    private static Object known(String tag, Pattern rule, String text, Function<String, Object> parse) {
        if (!rule.matcher(text).matches()) {
            throw new IllegalArgumentException("write what isoformat() of Python writes");
        }
        try {
            return parse.apply(text);
        } catch (DateTimeException beyondJava) {
            return new Tagged(tag, text);
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

    private static Set<Object> set(List<?> items) {
        requireOneNan(items.stream());
        return new LinkedHashSet<>(items);
    }

    /** Equal in Java alone, two of them would become one without a word. */
    private static void requireOneNan(Stream<?> keys) {
        if (keys.filter(key -> key instanceof Double number && number.isNaN()).count() > 1) {
            throw new IllegalArgumentException("it has NaN twice, of which Java keeps one");
        }
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
        requireOneNan(pairs.stream().map(pair -> ((List<?>) pair).get(0)));
        return members;
    }

    private Object nested(Map<?, ?> reference) {
        if (!(reference.get("at") instanceof String at && NESTED.matcher(at).matches())
                || !(reference.get("format") instanceof String format)) {
            throw new IllegalArgumentException("write at, materializer, type and format");
        }
        StoredFiles part = files.child(at);
        if (part.paths().isEmpty()) {
            throw new IllegalArgumentException("there are no files below " + at);
        }
        return codecs.forFormat(format).decode(part);
    }
}
