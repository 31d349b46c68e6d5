package argosy

import (
	"errors"
	"strings"
	"testing"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

func TestOnlyServersOfARevisionInCommonAreSpokenTo(t *testing.T) {
	for _, server := range []struct {
		oldest, newest int32
		upgrade        string
	}{{1, 1, ""}, {0, 1, ""}, {1, 7, ""}, {2, 7, "upgrade the client"}, {0, 0, "upgrade the server"}} {
		answer := &argosyv1.GetCapabilitiesResponse{
			ProtocolRevision: server.newest, OldestProtocolRevision: server.oldest, ServerVersion: "9.9",
		}
		err := checkRevision(answer, "grpc://a:1")
		var revision *RevisionError
		if server.upgrade == "" && err != nil {
			t.Errorf("%d to %d: %v", server.oldest, server.newest, err)
		}
		if server.upgrade != "" && (!errors.As(err, &revision) || !strings.HasSuffix(err.Error(), server.upgrade)) {
			t.Errorf("%d to %d: %v", server.oldest, server.newest, err)
		}
	}
}
