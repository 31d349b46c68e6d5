package argosy_test

import (
	"net"
	"sync"
	"testing"
)

// proxy stands between a client and a server, and does to bytes what networks do.
type proxy struct {
	address string
	mutex   sync.Mutex
	// up and down see each piece that passes towards the server and the client; what they return
	// goes on, and nil cuts the connection.
	up, down func([]byte) []byte
}

func startProxy(t testing.TB, server string) *proxy {
	t.Helper()
	return proxyOf(t, must(net.Listen("tcp", "127.0.0.1:0"))(t), server)
}

func proxyOf(t testing.TB, listener net.Listener, server string) *proxy {
	t.Helper()
	t.Cleanup(func() { _ = listener.Close() })
	p := &proxy{address: listener.Addr().String()}
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
			go p.pass(client, upstream, func() func([]byte) []byte { return p.up })
			go p.pass(upstream, client, func() func([]byte) []byte { return p.down })
		}
	}()
	return p
}

func (p *proxy) set(up, down func([]byte) []byte) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.up, p.down = up, down
}

func (p *proxy) pass(from, to net.Conn, filter func() func([]byte) []byte) {
	defer func() { _ = from.Close() }()
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		piece := buffer[:n]
		p.mutex.Lock()
		if change := filter(); change != nil && n > 0 {
			piece = change(piece)
		}
		p.mutex.Unlock()
		if piece == nil {
			return
		}
		if _, writeErr := to.Write(piece); writeErr != nil || err != nil {
			return
		}
	}
}
