package argosy

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// StepStart describes a step that is about to run.
type StepStart struct {
	// Run is the UUID of a run that somebody has started and keeps alive.
	Run string
	// Name is the step ("trainer"), Invocation its name in the run, unique there; by default the same.
	Name, Invocation string
	// Inputs are the versions it is given.
	Inputs []StepInput
	// Parameters are kept with it, each as one JSON document.
	Parameters Metadata
	// Upstream are the invocations it had to wait for.
	Upstream []string
	// DriverToken proves that the caller runs the run; whoever started it may hand it on.
	DriverToken string
}

// StepInput is one version a step is given.
type StepInput struct {
	// Name is the parameter.
	Name string
	// Version is what it gets, as Get, Load or Save returned it.
	Version *ArtifactVersion
	// IsStepOutput is true for an output of another step of the run, false for what comes from outside.
	IsStepOutput bool
}

// StepOutput is one value a step made.
type StepOutput struct {
	// Name is the output inside the step, by default "output".
	Name string
	// Artifact is the name it is kept under; by default one made of the names of pipeline, step and output.
	Artifact string
	// Value is what [Client.Save] takes.
	Value any
	// Options are those of [Client.Save].
	Options []SaveOption
}

// Step is a step run that this program has started. End it by Complete or Fail.
type Step struct {
	// Record is what the server knows of it.
	Record *argosyv1.StepRun
	client *Client
	token  string
	mutex  sync.Mutex
	loaded []*argosyv1.LoadedInput
}

// StartStep records that a step runs.
func (c *Client) StartStep(ctx context.Context, start StepStart) (*Step, error) {
	parameters, err := start.Parameters.documents()
	if err != nil {
		return nil, fmt.Errorf("start step %q: %w", start.Name, err)
	}
	request := &argosyv1.StartStepRequest{
		Project: c.settings.project, RequestId: uuid.NewString(), RunId: start.Run, StepName: start.Name,
		Invocation: start.Invocation, Parameters: parameters, Upstream: start.Upstream, DriverToken: start.DriverToken,
	}
	if request.Invocation == "" {
		request.Invocation = start.Name
	}
	for _, input := range start.Inputs {
		kind := argosyv1.InputKind_INPUT_KIND_EXTERNAL
		if input.IsStepOutput {
			kind = argosyv1.InputKind_INPUT_KIND_STEP_OUTPUT
		}
		request.Inputs = append(request.Inputs, &argosyv1.StepInputSpec{
			Name: input.Name, Kind: kind, VersionIds: []string{input.Version.GetId()},
		})
	}
	answer, err := unary(ctx, c, transferAttempts, c.pipelines.StartStep, request)
	if err != nil {
		return nil, fmt.Errorf("start step %q: %w", start.Name, err)
	}
	return &Step{Record: answer.GetStepRun(), client: c, token: answer.GetAttemptToken()}, nil
}

// Load does what [Client.Load] does, and records that the step used the version.
func (s *Step) Load(ctx context.Context, name string, destination any, selections ...Selection) (*ArtifactVersion, error) {
	version, err := s.client.Load(ctx, name, destination, selections...)
	if err != nil {
		return nil, err
	}
	selector, err := selectorOf(name, selections)
	if err != nil {
		return nil, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.loaded = append(s.loaded, &argosyv1.LoadedInput{Selector: selector, VersionId: version.GetId()})
	return version, nil
}

// Complete saves the outputs and ends the step: values, state and lineage become visible together,
// or nothing does and the step still runs.
func (s *Step) Complete(ctx context.Context, outputs ...StepOutput) error {
	if err := s.complete(ctx, outputs); err != nil {
		return fmt.Errorf("complete step %q: %w", s.Record.GetStepName(), err)
	}
	return nil
}

func (s *Step) complete(ctx context.Context, outputs []StepOutput) (err error) {
	c := s.client
	request := &argosyv1.CompleteStepRequest{
		Project: c.settings.project, RequestId: uuid.NewString(), StepRunId: s.Record.GetId(), AttemptToken: s.token,
		Loaded: s.used(),
	}
	var files []File
	for i, output := range outputs {
		content, failure := s.addOutput(ctx, request, output)
		if failure != nil {
			return failure
		}
		if content.Done != nil {
			defer func() { err = errors.Join(err, content.Done()) }()
		}
		for _, file := range content.Files {
			file.sent = nil                               // it would be told a path of that list
			file.path = strconv.Itoa(i) + "/" + file.path // of one list, in which no path comes twice
			files = append(files, file)
		}
	}
	publish := func(files []*argosyv1.NewArtifactFile) (*argosyv1.CompleteStepResponse, error) {
		for _, output := range request.Outputs {
			output.Files = nil
		}
		for _, file := range files {
			number, path, _ := strings.Cut(file.Path, "/")
			i, err := strconv.Atoi(number)
			if err != nil {
				return nil, err
			}
			file.Path = path
			request.Outputs[i].Files = append(request.Outputs[i].Files, file)
		}
		return unary(ctx, c, transferAttempts, c.pipelines.CompleteStep, request)
	}
	var answer *argosyv1.CompleteStepResponse
	if len(files) == 0 {
		answer, err = publish(nil)
	} else {
		answer, err = commit(ctx, c, files, publish)
	}
	if err == nil {
		s.Record = answer.GetStepRun()
	}
	return err
}

func (s *Step) addOutput(ctx context.Context, request *argosyv1.CompleteStepRequest, output StepOutput) (*Content, error) {
	if output.Name == "" {
		output.Name = "output"
	}
	name, err := s.artifactOf(ctx, output)
	if err != nil {
		return nil, err
	}
	spec, err := specOf(name, output.Options)
	if err != nil {
		return nil, err
	}
	content, err := encode(ctx, output.Value)
	if err != nil {
		return nil, fmt.Errorf("output %q: %w", output.Name, err)
	}
	spec.Format, spec.Unnamed = content.Format, output.Artifact == ""
	request.Outputs = append(request.Outputs, &argosyv1.NewStepOutput{Name: output.Name, Spec: spec.ArtifactSpec})
	return content, nil
}

// artifactOf is the name an output is kept under.
func (s *Step) artifactOf(ctx context.Context, output StepOutput) (string, error) {
	if output.Artifact != "" {
		return output.Artifact, nil
	}
	request := &argosyv1.GetRunRequest{Project: s.client.settings.project, Run: s.Record.GetRunId()}
	answer, err := unary(ctx, s.client, callAttempts, s.client.pipelines.GetRun, request)
	if err != nil {
		return "", err
	}
	return strings.Join([]string{answer.GetRun().GetPipelineName(), s.Record.GetStepName(), output.Name}, "::"), nil
}

// Fail ends the step with what went wrong: as cancelled when that is context.Canceled, else as failed.
// A context that has ended does not keep it from that, since many a step fails by just this; it tries
// for as long as the unary deadline of the client.
func (s *Step) Fail(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.client.settings.unaryDeadline)
	defer cancel()
	state := argosyv1.StepState_STEP_STATE_FAILED
	if errors.Is(cause, context.Canceled) {
		state = argosyv1.StepState_STEP_STATE_CANCELLED
	}
	request := &argosyv1.FailStepRequest{
		Project: s.client.settings.project, RequestId: uuid.NewString(), StepRunId: s.Record.GetId(), AttemptToken: s.token,
		State: state, Loaded: s.used(), Error: &argosyv1.RunError{
			Type: fmt.Sprintf("go:%T", cause), Message: cause.Error(), Invocation: s.Record.GetInvocation(),
		},
	}
	answer, err := unary(ctx, s.client, transferAttempts, s.client.pipelines.FailStep, request)
	if err != nil {
		return fmt.Errorf("fail step %q: %w", s.Record.GetStepName(), err)
	}
	s.Record = answer.GetStepRun()
	return nil
}

func (s *Step) used() []*argosyv1.LoadedInput {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return append([]*argosyv1.LoadedInput(nil), s.loaded...)
}
