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
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"

	argosy "example.com/argosy/clients/go"
)

// startGateway ends TLS in front of a server, as gateways do, and keeps what the client sends it.
func startGateway(t *testing.T, server string) (address string, trusted *x509.CertPool) {
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
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{client, upstream}, {upstream, client}} {
				go func() {
					_, _ = io.Copy(way[0], way[1]) // until one of them closes
					_ = way[0].Close()
				}()
			}
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	expect(t, err, nil)
	return "grpcs://localhost:" + port, trusted
}

func TestAServerBehindTLSIsVerified(t *testing.T) {
	connect(t)
	between := startProxy(t, address(t))
	var sent bytes.Buffer
	between.set(func(piece []byte) []byte { sent.Write(piece); return piece }, nil)
	gateway, trusted := startGateway(t, between.address)
	client := connectTo(t, address(t), argosy.WithServer(gateway), argosy.WithTLS(&tls.Config{RootCAs: trusted}), argosy.WithToken("t0k3n"))
	must(client.Save(t.Context(), "name", "value"))(t)
	var text string
	must(client.Load(t.Context(), "name", &text))(t)
	expect(t, text, "value")

	_, err := argosy.Connect(t.Context(), argosy.WithServer(gateway), argosy.WithConnectTimeout(time.Second))
	var refused *argosy.Error
	if !errors.As(err, &refused) || refused.Code != codes.Unavailable || !strings.Contains(err.Error(), "certificate") {
		t.Fatal(err)
	}
	between.set(nil, nil)
	if !bytes.Contains(sent.Bytes(), hpack.AppendHuffmanString(nil, "Bearer t0k3n")) {
		t.Fatal("no token was sent")
	}
}
