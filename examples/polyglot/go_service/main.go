// Command go_service serves the classifier whose alias is prod, and swaps it when the alias moves.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	argosy "example.com/argosy/clients/go"
	"example.com/argosy/clients/go/npy"
)

type model struct {
	version        string
	weights        []float64
	WeightsVersion string    `json:"weights_version"`
	Bias           float64   `json:"bias"`
	Mean           []float64 `json:"mean"`
	Scale          []float64 `json:"scale"`
}

func load(ctx context.Context, client *argosy.Client) (*model, error) {
	loaded := &model{}
	version, err := client.Load(ctx, "classifier", loaded, argosy.Alias("prod"))
	if err != nil {
		return nil, err
	}
	var weights npy.Array
	if _, err := client.Load(ctx, "classifier_weights", &weights, argosy.Version(loaded.WeightsVersion)); err != nil {
		return nil, err
	}
	values, ok := weights.Data.([]float64)
	if !ok || len(values) != len(loaded.Mean) || len(values) != len(loaded.Scale) {
		return nil, errors.New("the weights do not fit the classifier")
	}
	loaded.version, loaded.weights = version.GetVersion(), values
	return loaded, nil
}

func (m *model) probability(patient []float64) float64 {
	score := m.Bias
	for i, weight := range m.weights {
		score += (patient[i] - m.Mean[i]) / m.Scale[i] * weight
	}
	return 1 / (1 + math.Exp(-score))
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
	var serving atomic.Pointer[model]
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
		if err := json.NewDecoder(r.Body).Decode(&patient); err != nil || len(patient) != len(now.weights) {
			http.Error(w, fmt.Sprintf("send a list of %d numbers", len(now.weights)), http.StatusBadRequest)
			return
		}
		answer := map[string]any{"service": "go", "version": now.version, "probability": now.probability(patient)}
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
