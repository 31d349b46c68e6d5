// Command smallloads measures how many small values one client loads a second: `make bench-clients`.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	argosy "example.com/argosy/clients/go"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "smallloads <name> <seconds> <loads at once>  (ARGOSY_SERVER says where; loads <name>-0, <name>-1, …)")
		os.Exit(2)
	}
	seconds, errSeconds := strconv.ParseFloat(os.Args[2], 64)
	workers, errWorkers := strconv.Atoi(os.Args[3])
	if errSeconds != nil || errWorkers != nil {
		fmt.Fprintln(os.Stderr, "smallloads: seconds and loads at once are numbers")
		os.Exit(2)
	}
	loads, took, err := measure(os.Args[1], time.Duration(seconds*float64(time.Second)), workers)
	if err != nil {
		fmt.Fprintln(os.Stderr, "smallloads:", err)
		os.Exit(1)
	}
	fmt.Printf("{\"loads\": %d, \"seconds\": %g}\n", loads, took.Seconds())
}

// measure loads values again and again, one in each of some goroutines with one client, until the time is over.
func measure(name string, duration time.Duration, workers int) (int64, time.Duration, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	client, err := argosy.Connect(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = client.Close() }()

	var loads atomic.Int64
	var working sync.WaitGroup
	began := time.Now()
	for worker := range workers {
		working.Go(func() {
			own := fmt.Sprintf("%s-%d", name, worker)
			for time.Since(began) < duration && ctx.Err() == nil {
				var value any
				if _, err := client.Load(ctx, own, &value); err != nil {
					cancel(err)
					return
				}
				loads.Add(1)
			}
		})
	}
	working.Wait()
	return loads.Load(), time.Since(began), context.Cause(ctx)
}
