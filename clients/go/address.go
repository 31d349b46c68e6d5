package argosy

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

const addressForms = "grpc://host:port, grpcs://host:port, unix:///path or grpc://a:1,b:2"

// addresses are the servers of one store.
type addresses struct {
	secure bool
	// hosts are host:port of each, empty for a socket.
	hosts []string
	// socket is the path of a Unix socket.
	socket string
}

func parseAddresses(text string) (addresses, error) {
	scheme, rest, hasScheme := strings.Cut(strings.TrimSpace(text), "://")
	scheme = strings.ToLower(scheme)
	switch {
	case hasScheme && scheme == "unix" && strings.HasPrefix(rest, "/") && len(rest) > 1:
		return addresses{socket: rest}, nil
	case !hasScheme || scheme != "grpc" && scheme != "grpcs":
		return addresses{}, errors.New("write " + addressForms)
	}
	found := addresses{secure: scheme == "grpcs"}
	for _, entry := range strings.Split(rest, ",") {
		entry = strings.TrimSpace(entry)
		if own, behind, hasOwn := strings.Cut(entry, "://"); hasOwn {
			if strings.ToLower(own) != scheme {
				return addresses{}, fmt.Errorf("all servers of a list are reached alike, here they have %s:// and %s://", scheme, own)
			}
			entry = behind
		}
		host, err := parseHost(strings.TrimSuffix(entry, "/"))
		if err != nil {
			return addresses{}, err
		}
		for _, other := range found.hosts {
			if other == host {
				return addresses{}, fmt.Errorf("it names %s twice; name each server once", host)
			}
		}
		found.hosts = append(found.hosts, host)
	}
	return found, nil
}

func parseHost(entry string) (string, error) {
	parsed, err := url.Parse("grpc://" + entry)
	if err != nil || parsed.Host == "" || parsed.Path != "" || parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil {
		return "", fmt.Errorf("%q is no server; write %s", entry, addressForms)
	}
	port, err := strconv.Atoi(parsed.Port())
	if err != nil || port < 1 || port > 65535 || parsed.Hostname() == "" {
		return "", fmt.Errorf("the port of %q is not a number from 1 to 65535; write %s", entry, addressForms)
	}
	return net.JoinHostPort(parsed.Hostname(), parsed.Port()), nil
}

// target is what grpc-go shall resolve; several servers are resolved by a resolver of their own.
func (a addresses) target() string {
	switch {
	case a.socket != "":
		return "unix:" + a.socket
	case len(a.hosts) > 1:
		return listScheme + ":///" + strings.Join(a.hosts, ",")
	default:
		return "dns:///" + a.hosts[0]
	}
}

// mayBeMany tells whether more than one server may answer: a list, or a name with several addresses.
func (a addresses) mayBeMany() bool {
	if a.socket != "" {
		return false
	}
	host, _, _ := net.SplitHostPort(a.hosts[0]) // it was joined by parseHost
	return len(a.hosts) > 1 || net.ParseIP(host) == nil
}

func (a addresses) mayCarrySecrets() bool {
	for _, address := range a.hosts {
		host, _, _ := net.SplitHostPort(address) // it was joined by parseHost
		if ip := net.ParseIP(host); !a.secure && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}
