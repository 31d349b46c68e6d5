// Package classifier is what Python publishes, as Go has it: a json document and an npy array.
package classifier

import (
	"context"
	"errors"
	"math"

	argosy "example.com/argosy/clients/go"
	"example.com/argosy/clients/go/npy"
)

// Model is one version of the classifier.
type Model struct {
	WeightsVersion string    `json:"weights_version"`
	Bias           float64   `json:"bias"`
	Mean           []float64 `json:"mean"`
	Scale          []float64 `json:"scale"`
	Weights        []float64 `json:"-"`
}

// LoadFunc is Load of a client, or of a step, which records what it loads beside its inputs.
type LoadFunc = func(ctx context.Context, name string, destination any, selections ...argosy.Selection) (*argosy.ArtifactVersion, error)

// Load brings the version that is selected, and by loadWeights the weights that belong to it.
func Load(ctx context.Context, client *argosy.Client, loadWeights LoadFunc, selected argosy.Selection) (*Model, *argosy.ArtifactVersion, error) {
	model := &Model{}
	version, err := client.Load(ctx, "classifier", model, selected)
	if err != nil {
		return nil, nil, err
	}
	var weights npy.Array
	if _, err := loadWeights(ctx, "classifier_weights", &weights, argosy.Version(model.WeightsVersion)); err != nil {
		return nil, nil, err
	}
	values, ok := weights.Data.([]float64)
	if !ok || len(values) != len(model.Mean) || len(values) != len(model.Scale) {
		return nil, nil, errors.New("the weights do not fit the classifier")
	}
	model.Weights = values
	return model, version, nil
}

// Probability tells how likely a patient's tumour is harmless.
func (m *Model) Probability(patient []float64) float64 {
	score := m.Bias
	for i, weight := range m.Weights {
		score += (patient[i] - m.Mean[i]) / m.Scale[i] * weight
	}
	return 1 / (1 + math.Exp(-score))
}
