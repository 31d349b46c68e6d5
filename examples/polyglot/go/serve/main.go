// Command serve serves the classifier whose alias is prod, and swaps it when the alias moves.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	argosy "example.com/argosy/clients/go"
	"example.com/argosy/examples/polyglot/go/classifier"
)

type served struct {
	*classifier.Model
	version string
}

func load(ctx context.Context, client *argosy.Client) (*served, error) {
	model, version, err := classifier.Load(ctx, client, client.Load, argosy.Alias("prod"))
	if err != nil {
		return nil, err
	}
	return &served{model, version.GetVersion()}, nil
}

func run(ctx context.Context) error {
	client, err := argosy.Connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	moves, err := client.Watch(ctx, "classifier", argosy.Alias("prod")) // first, so that no move is missed
	if err != nil {
		return err
	}
	defer moves.Close()
	var serving atomic.Pointer[served]
	first, err := load(ctx, client)
	if err != nil {
		return err
	}
	serving.Store(first)
	go func() {
		for {
			if _, err := moves.Next(); err != nil {
				if ctx.Err() == nil {
					log.Printf("the watch ended: %v", err)
				}
				return
			}
			next, err := load(ctx, client)
			if err != nil {
				log.Printf("version %s goes on serving: %v", serving.Load().version, err)
				continue
			}
			serving.Store(next)
		}
	}()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := serving.Load()
		var patient []float64
		if err := json.NewDecoder(r.Body).Decode(&patient); err != nil || len(patient) != len(now.Weights) {
			http.Error(w, fmt.Sprintf("send a list of %d numbers", len(now.Weights)), http.StatusBadRequest)
			return
		}
		answer := map[string]any{"service": "go", "version": now.version, "probability": now.Probability(patient)}
		_ = json.NewEncoder(w).Encode(answer) // who asked may be gone
	})}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}
