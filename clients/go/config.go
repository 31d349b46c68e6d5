package argosy

import (
	"crypto/tls"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"

	"example.com/argosy/clients/go/internal/endpoint"
)

// ConnectOption is an explicit setting for [Connect]; it wins over the environment.
type ConnectOption func(*settings) error

// settings are what a client needs to know.
type settings struct {
	server         string // as it was written, for people
	addresses      endpoint.Addresses
	project        string
	token          string
	tokenFrom      string
	tls            *tls.Config
	connectTimeout time.Duration
	unaryDeadline  time.Duration
	idleTimeout    time.Duration
	dialOptions    []grpc.DialOption
}

// SettingError says that a setting is malformed or missing.
type SettingError struct {
	// Setting names it and where it comes from; Rule is what it must be.
	Setting, Rule string
}

func (e *SettingError) Error() string { return "argosy: " + e.Setting + ": " + e.Rule }

var projectPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// WithServer names the server: grpc://host:port, grpcs://host:port (TLS), unix:///path, or several
// servers of one store as grpc://a:1,b:2 (ARGOSY_SERVER).
func WithServer(address string) ConnectOption {
	return func(s *settings) error { return s.setServer("argument of WithServer", address) }
}

// WithProject names the namespace to work in (ARGOSY_PROJECT, default "default").
func WithProject(project string) ConnectOption {
	return func(s *settings) error { return s.setProject("argument of WithProject", project) }
}

// WithTLS changes how grpcs:// servers are verified, or gives the certificate of this client. By
// default the certificates of the system are trusted. It is refused where the server is spoken to without TLS.
func WithTLS(config *tls.Config) ConnectOption {
	return func(s *settings) error {
		s.tls = config
		return nil
	}
}

// WithToken sends "authorization: Bearer <token>" with every call, for a gateway in front of the
// server that asks who calls; the server itself asks nobody. It needs grpcs:// (ARGOSY_TOKEN).
func WithToken(token string) ConnectOption {
	return func(s *settings) error { return s.setToken("argument of WithToken", token) }
}

// WithConnectTimeout limits the wait for the first answer (ARGOSY_CONNECT_TIMEOUT in seconds, default 4 s).
func WithConnectTimeout(limit time.Duration) ConnectOption {
	return func(s *settings) error {
		return setDuration("argument of WithConnectTimeout", limit, &s.connectTimeout)
	}
}

// WithUnaryDeadline limits one simple call (ARGOSY_UNARY_DEADLINE in seconds, default 30 s).
func WithUnaryDeadline(limit time.Duration) ConnectOption {
	return func(s *settings) error { return setDuration("argument of WithUnaryDeadline", limit, &s.unaryDeadline) }
}

// WithIdleTimeout limits how long a transfer may stand still before it is given up and begun anew
// where it was (ARGOSY_IDLE_TIMEOUT in seconds, default 60 s).
func WithIdleTimeout(limit time.Duration) ConnectOption {
	return func(s *settings) error { return setDuration("argument of WithIdleTimeout", limit, &s.idleTimeout) }
}

// WithDialOptions hands further options to grpc-go: interceptors, stats handlers, dialers.
func WithDialOptions(options ...grpc.DialOption) ConnectOption {
	return func(s *settings) error {
		s.dialOptions = append(s.dialOptions, options...)
		return nil
	}
}

func resolve(options []ConnectOption) (settings, error) {
	s := settings{project: "default", connectTimeout: 4 * time.Second, unaryDeadline: 30 * time.Second, idleTimeout: time.Minute}
	if err := s.readEnvironment(); err != nil {
		return settings{}, err
	}
	for _, option := range options {
		if err := option(&s); err != nil {
			return settings{}, err
		}
	}
	if s.server == "" {
		return settings{}, &SettingError{"ARGOSY_SERVER", "no server is named; write " + endpoint.Forms + ", or use WithServer"}
	}
	if s.token != "" && !s.addresses.Secure {
		return settings{}, &SettingError{s.tokenFrom, "a token would travel readable to " + s.server + "; use grpcs://"}
	}
	if s.tls != nil && !s.addresses.Secure {
		return settings{}, &SettingError{"argument of WithTLS", s.server + " is spoken to without TLS; use grpcs://"}
	}
	return s, nil
}

func (s *settings) readEnvironment() error {
	readers := []struct {
		name string
		set  func(where, text string) error
	}{
		{"ARGOSY_SERVER", s.setServer},
		{"ARGOSY_PROJECT", s.setProject},
		{"ARGOSY_TOKEN", s.setToken},
		{"ARGOSY_CONNECT_TIMEOUT", seconds(&s.connectTimeout)},
		{"ARGOSY_UNARY_DEADLINE", seconds(&s.unaryDeadline)},
		{"ARGOSY_IDLE_TIMEOUT", seconds(&s.idleTimeout)},
	}
	for _, reader := range readers {
		text := strings.TrimSpace(os.Getenv(reader.name))
		if text == "" {
			continue
		}
		if err := reader.set("environment variable "+reader.name, text); err != nil {
			return err
		}
	}
	return nil
}

func (s *settings) setServer(where, text string) error {
	found, err := endpoint.Parse(text)
	if err != nil {
		return &SettingError{fmt.Sprintf("%s is %q", where, text), err.Error()}
	}
	s.server, s.addresses = strings.TrimSpace(text), found
	return nil
}

func (s *settings) setProject(where, text string) error {
	if !projectPattern.MatchString(text) {
		return &SettingError{fmt.Sprintf("%s is %q", where, text),
			"a project is 1 to 64 letters, digits, '.', '_' or '-', and begins with a letter or digit; rename it"}
	}
	s.project = text
	return nil
}

// setToken never tells the token itself.
func (s *settings) setToken(where, token string) error {
	s.token, s.tokenFrom = token, where
	return nil
}

func seconds(target *time.Duration) func(where, text string) error {
	return func(where, text string) error {
		number, err := strconv.ParseFloat(text, 64)
		if err != nil || !(number > 0 && number < 1e9) {
			return &SettingError{fmt.Sprintf("%s is %q", where, text), "write a number of seconds above 0"}
		}
		*target = time.Duration(number * float64(time.Second))
		return nil
	}
}

func setDuration(where string, value time.Duration, target *time.Duration) error {
	if value <= 0 {
		return &SettingError{fmt.Sprintf("%s is %s", where, value), "give a duration above 0"}
	}
	*target = value
	return nil
}
