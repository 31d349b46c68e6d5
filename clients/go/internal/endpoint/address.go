// Package endpoint reads the addresses of servers.
package endpoint

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Forms are what an address may look like.
const Forms = "grpc://host:port, grpcs://host:port, unix:///path or grpc://a:1,b:2"

// ListScheme is that of the target of several servers.
const ListScheme = "argosy"

// Addresses are the servers of one store.
type Addresses struct {
	// Secure is true for TLS.
	Secure bool
	// Hosts are host:port of each, empty for a socket.
	Hosts []string
	// Socket is the path of a Unix socket.
	Socket string
}

// Parse returns the servers a text names; the error is the rule it breaks.
func Parse(text string) (Addresses, error) {
	scheme, rest, hasScheme := strings.Cut(strings.TrimSpace(text), "://")
	scheme = strings.ToLower(scheme)
	switch {
	case hasScheme && scheme == "unix" && strings.HasPrefix(rest, "/") && len(rest) > 1:
		return Addresses{Socket: rest}, nil
	case !hasScheme || scheme != "grpc" && scheme != "grpcs":
		return Addresses{}, errors.New("write " + Forms)
	}
	found := Addresses{Secure: scheme == "grpcs"}
	for _, entry := range strings.Split(rest, ",") {
		entry = strings.TrimSpace(entry)
		if own, behind, hasOwn := strings.Cut(entry, "://"); hasOwn {
			if strings.ToLower(own) != scheme {
				return Addresses{}, fmt.Errorf("all servers of a list are reached alike, here they have %s:// and %s://", scheme, own)
			}
			entry = behind
		}
		host, err := parseHost(strings.TrimSuffix(entry, "/"))
		if err != nil {
			return Addresses{}, err
		}
		for _, other := range found.Hosts {
			if other == host {
				return Addresses{}, fmt.Errorf("it names %s twice; name each server once", host)
			}
		}
		found.Hosts = append(found.Hosts, host)
	}
	return found, nil
}

func parseHost(entry string) (string, error) {
	if strings.Count(entry, ":") > 1 && !strings.Contains(entry, "[") {
		return "", fmt.Errorf("an IPv6 address stands in brackets, as in [::1]:50051, here it is %q; write %s", entry, Forms)
	}
	parsed, err := url.Parse("grpc://" + entry)
	if err != nil || parsed.Host == "" || parsed.Path != "" || parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil {
		return "", fmt.Errorf("%q is no server; write %s", entry, Forms)
	}
	port, err := strconv.Atoi(parsed.Port())
	if err != nil || port < 1 || port > 65535 || parsed.Hostname() == "" {
		return "", fmt.Errorf("the port of %q is not a number from 1 to 65535; write %s", entry, Forms)
	}
	return net.JoinHostPort(parsed.Hostname(), parsed.Port()), nil
}

// Target is what grpc-go shall resolve; several servers are resolved by a resolver of their own.
func (a Addresses) Target() string {
	switch {
	case a.Socket != "":
		return "unix:" + a.Socket
	case len(a.Hosts) > 1:
		return ListScheme + ":///" + strings.Join(a.Hosts, ",")
	default:
		return "dns:///" + a.Hosts[0]
	}
}

// MayBeMany tells whether more than one server may answer: a list, or a name with several addresses.
func (a Addresses) MayBeMany() bool {
	if a.Socket != "" {
		return false
	}
	host, _, _ := net.SplitHostPort(a.Hosts[0]) // it was joined by parseHost
	return len(a.Hosts) > 1 || net.ParseIP(host) == nil
}
