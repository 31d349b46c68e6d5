// Command score is a step of a Python run: it scores all patients by the classifier that the run has made.
//
//	score VERSION      the version of the classifier
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"os/signal"
	"syscall"

	argosy "example.com/argosy/clients/go"
	"example.com/argosy/clients/go/npy"
	"example.com/argosy/examples/polyglot/go/classifier"
)

func run(ctx context.Context, version argosy.Version) error {
	client, err := argosy.Connect(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	made, err := client.Get(ctx, "classifier", version)
	if err != nil {
		return err
	}
	patients, err := client.Get(ctx, "patients")
	if err != nil {
		return err
	}
	step, err := client.StartStep(ctx, argosy.StepStart{
		Run: made.GetProducer().GetRunId(), Name: "score", Upstream: []string{made.GetProducer().GetInvocation()},
		Inputs: []argosy.StepInput{
			{Name: "classifier", Version: made, IsStepOutput: true}, {Name: "patients", Version: patients},
		},
	})
	if err != nil {
		return err
	}
	scores, err := score(ctx, client, step, version, argosy.Version(patients.GetVersion()))
	if err == nil {
		err = step.Complete(ctx, argosy.StepOutput{Artifact: "scores", Value: scores})
	}
	if err != nil {
		return errors.Join(err, step.Fail(ctx, err))
	}
	return nil
}

func score(ctx context.Context, client *argosy.Client, step *argosy.Step, version, patientsVersion argosy.Version) (*npy.Array, error) {
	model, _, err := classifier.Load(ctx, client, step.Load, version)
	if err != nil {
		return nil, err
	}
	var patients npy.Array
	if _, err := client.Load(ctx, "patients", &patients, patientsVersion); err != nil {
		return nil, err
	}
	rows, ok := patients.Data.([]float64)
	width := len(model.Weights)
	if !ok || patients.Fortran || len(patients.Shape) != 2 || patients.Shape[1] != width {
		return nil, errors.New("the patients do not fit the classifier")
	}
	scores := make([]float64, patients.Shape[0])
	for i := range scores {
		scores[i] = model.Probability(rows[i*width : (i+1)*width])
	}
	return npy.New([]int{len(scores)}, scores)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) != 2 {
		log.Fatal("usage: score VERSION")
	}
	if err := run(ctx, argosy.Version(os.Args[1])); err != nil {
		log.Fatal(err)
	}
}
