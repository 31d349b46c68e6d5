package argosy_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"

	argosy "example.com/argosy/clients/go"
)

// startGateway ends TLS in front of a server, as gateways do.
func startGateway(t *testing.T, server string) (gateway *proxy, trusted *x509.CertPool) {
	t.Helper()
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gateway"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	certificate := must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)
	trusted = x509.NewCertPool()
	trusted.AddCert(must(x509.ParseCertificate(certificate))(t))
	listener := must(tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}, NextProtos: []string{"h2"},
	}))(t)
	return proxyOf(t, listener, server), trusted
}

func TestAServerBehindTLSIsVerified(t *testing.T) {
	gateway, trusted := startGateway(t, address(t))
	var sent bytes.Buffer
	gateway.set(func(piece []byte) []byte { sent.Write(piece); return piece }, nil)
	_, port, err := net.SplitHostPort(gateway.address)
	expect(t, err, nil)
	behind := argosy.WithServer("grpcs://localhost:" + port)
	t.Setenv("ARGOSY_TOKEN", "t0k3n")
	client := connectTo(t, gateway.address, behind, argosy.WithTLS(&tls.Config{RootCAs: trusted}))
	must(client.Save(t.Context(), "name", "value"))(t)
	var text string
	must(client.Load(t.Context(), "name", &text))(t)
	expect(t, text, "value")

	_, err = argosy.Connect(t.Context(), behind, argosy.WithConnectTimeout(time.Second))
	var refused *argosy.Error
	if !errors.As(err, &refused) || refused.Code != codes.Unavailable || !strings.Contains(err.Error(), "certificate") {
		t.Fatal(err)
	}
	gateway.set(nil, nil)
	if !bytes.Contains(sent.Bytes(), hpack.AppendHuffmanString(nil, "Bearer t0k3n")) {
		t.Fatal("no token was sent")
	}
}
