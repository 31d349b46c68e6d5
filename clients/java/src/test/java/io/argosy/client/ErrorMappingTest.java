package io.argosy.client;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.argosy.client.ArgosyException.Refusal;
import io.argosy.v1.ErrorReason;
import io.grpc.Status;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

class ErrorMappingTest {
    @ParameterizedTest
    @EnumSource(mode = Mode.EXCLUDE, names = {"ERROR_REASON_UNSPECIFIED", "UNRECOGNIZED"})
    void eachReasonHasTheClassOfItsName(ErrorReason reason) {
        String name = reason.name().substring("ERROR_REASON_".length());
        Refusal refusal = new Refusal(Status.Code.UNKNOWN, name, "no", Map.of(), null);
        StringBuilder expected = new StringBuilder();
        for (String word : name.split("_")) {
            expected.append(word.charAt(0)).append(word.substring(1).toLowerCase(java.util.Locale.ROOT));
        }
        assertEquals(expected.toString(), ErrorMapping.byReason(reason, refusal).getClass().getSimpleName());
    }
}
