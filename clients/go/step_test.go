package argosy_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	argosy "example.com/argosy/clients/go"
	argosyv1 "example.com/argosy/clients/go/argosy/v1"
	"example.com/argosy/clients/go/internal/testserver"
)

// startRun is what a program does that runs a pipeline.
func startRun(t *testing.T, client *argosy.Client) *argosyv1.CreateRunResponse {
	t.Helper()
	return must(client.Pipelines().CreateRun(t.Context(), &argosyv1.CreateRunRequest{
		Project: client.Project(), RequestId: uuid.NewString(), PipelineName: "training",
	}))(t)
}

func finishRun(t *testing.T, client *argosy.Client, run *argosyv1.CreateRunResponse, state argosyv1.RunState) {
	t.Helper()
	must(client.Pipelines().FinishRun(t.Context(), &argosyv1.FinishRunRequest{
		Project: client.Project(), RequestId: uuid.NewString(), RunId: run.GetRun().GetId(), DriverToken: run.GetDriverToken(), State: state,
	}))(t)
}

func TestAStepOfAGoProgramAppearsInTheRunWithItsLineage(t *testing.T) {
	client := connect(t)
	data := must(client.Save(t.Context(), "data", []float64{1, 2}))(t)
	must(client.Save(t.Context(), "settings", map[string]any{"rate": 0.5}))(t)
	run := startRun(t, client)

	step := must(client.StartStep(t.Context(), argosy.StepStart{
		Run: run.GetRun().GetId(), DriverToken: run.GetDriverToken(), Name: "trainer",
		Inputs:     []argosy.StepInput{{Name: "data", Version: data}},
		Parameters: argosy.Metadata{"epochs": 3},
	}))(t)
	var loaded map[string]float64
	must(step.Load(t.Context(), "settings", &loaded))(t)
	large := noise(30, 2*mebibyte)
	err := step.Complete(t.Context(),
		argosy.StepOutput{Artifact: "model", Value: map[string]any{"w": loaded["rate"]}, Options: []argosy.SaveOption{argosy.Alias("prod")}},
		argosy.StepOutput{Name: "raw", Value: large},
	)
	expect(t, err, nil)
	finishRun(t, client, run, argosyv1.RunState_RUN_STATE_COMPLETED)

	seen := python(t, client, `
import sys, argosy
client = argosy.Client(); run = client.get_run(sys.argv[1]); step = run.steps["trainer"]
print(run.status, step.status, step.outputs["output"].load(), len(step.outputs["raw"].load()), step.outputs["raw"].name)
print(argosy.load_artifact("model", alias="prod"))
lineage = argosy.get_artifact("model").lineage()
print(sorted(version.name for version in lineage.versions))`, run.GetRun().GetId())
	expect(t, seen, strings.Join([]string{
		"completed completed {'w': 0.5} 2097152 training::trainer::raw", "{'w': 0.5}", "['data', 'model', 'settings']",
	}, "\n"))
}

func TestAStepThatFailsSaysWhy(t *testing.T) {
	client := connect(t)
	run := startRun(t, client)
	step := must(client.StartStep(t.Context(), argosy.StepStart{Run: run.GetRun().GetId(), Name: "trainer"}))(t)
	expect(t, step.Fail(t.Context(), errors.New("no data")), nil)
	expect(t, step.Record.GetState(), argosyv1.StepState_STEP_STATE_FAILED)
	expect(t, step.Record.GetError().GetMessage(), "no data")
	if err := step.Complete(t.Context()); !errors.Is(err, argosy.ErrIllegalTransition) && !errors.Is(err, argosy.ErrSuperseded) {
		t.Fatal(err)
	}
	finishRun(t, client, run, argosyv1.RunState_RUN_STATE_FAILED)
}

func TestAStepWhoseContextHasEndedIsRecordedAsCancelled(t *testing.T) {
	client := connect(t)
	run := startRun(t, client)
	ctx, cancel := context.WithCancel(t.Context())
	step := must(client.StartStep(ctx, argosy.StepStart{Run: run.GetRun().GetId(), Name: "trainer"}))(t)
	cancel()
	err := step.Complete(ctx, argosy.StepOutput{Artifact: "model", Value: 1})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	expect(t, step.Fail(ctx, err), nil)
	expect(t, step.Record.GetState(), argosyv1.StepState_STEP_STATE_CANCELLED)
	finishRun(t, client, run, argosyv1.RunState_RUN_STATE_CANCELLED)
}

func TestAStepIsNotFailedForEverWhileNoServerIsThere(t *testing.T) {
	s := testserver.Start(t)
	client := connectTo(t, s.Address, argosy.WithUnaryDeadline(5*time.Second)) // enough for a server that is busy
	run := startRun(t, client)
	step := must(client.StartStep(t.Context(), argosy.StepStart{Run: run.GetRun().GetId(), Name: "trainer"}))(t)
	s.Kill(t)
	if err := step.Fail(t.Context(), errors.New("no data")); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	expect(t, step.Record.GetState(), argosyv1.StepState_STEP_STATE_RUNNING)
}
