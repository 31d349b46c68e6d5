package argosy

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

// found is a version with those of its bytes that came with it.
type found struct {
	version *ArtifactVersion
	// contents are verified bytes by path, of a small version.
	contents map[string][]byte
}

// find asks for a version, and for its bytes too when they are few.
func (c *Client) find(ctx context.Context, selector *argosyv1.VersionSelector) (*found, error) {
	answer, err := c.finds.get(ctx, selector)
	if err != nil {
		return nil, err
	}
	version := answer.GetArtifactVersion()
	result := &found{version: version}
	if len(answer.GetContents()) == 0 {
		return result, nil
	}
	if len(answer.GetContents()) != len(version.GetFiles()) {
		return nil, fmt.Errorf("%d of %d files came: %w", len(answer.GetContents()), len(version.GetFiles()), ErrCorrupt)
	}
	result.contents = make(map[string][]byte, len(version.GetFiles()))
	for i, file := range version.GetFiles() {
		if err := verify(file, answer.GetContents()[i]); err != nil {
			return nil, err
		}
		result.contents[file.GetPath()] = answer.GetContents()[i]
	}
	return result, nil
}

func (c *Client) getVersion(
	ctx context.Context, selector *argosyv1.VersionSelector, mostBytes int64,
) (*argosyv1.GetArtifactVersionResponse, error) {
	request := &argosyv1.GetArtifactVersionRequest{Project: c.settings.project, Selector: selector, MaxContentBytes: mostBytes}
	return unary(ctx, c, callAttempts, c.artifacts.GetArtifactVersion, request)
}

func verify(file *argosyv1.ArtifactFile, content []byte) error {
	if int64(len(content)) != file.GetSizeBytes() || digestOf(content) != file.GetDigest() {
		return fmt.Errorf("%s: %w", file.GetPath(), ErrCorrupt)
	}
	return nil
}

// sink is where the files of a version go.
type sink interface {
	// create makes the place for one file; it is filled, and then closed, by one goroutine.
	create(*argosyv1.ArtifactFile) (io.WriteCloser, error)
}

// fetch writes files of a version to a sink: small ones in batches, large ones as streams, several at once.
// After an error nothing that was written may be used.
func (c *Client) fetch(ctx context.Context, from *found, files []*argosyv1.ArtifactFile, to sink) error {
	var small, large []*argosyv1.ArtifactFile
	for _, file := range files {
		content, isHere := from.contents[file.GetPath()]
		switch {
		case isHere:
			if err := put(to, file, content); err != nil {
				return err
			}
		case file.GetSizeBytes() < smallBytes:
			small = append(small, file)
		default:
			large = append(large, file)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(streamsAtOnce)
	most := batchLimit{bytes: int64(c.capabilities.GetMaxBatchBytes()), items: int(c.capabilities.GetMaxBatchItems())}
	for _, batch := range batches(small, most, (*argosyv1.ArtifactFile).GetSizeBytes) {
		group.Go(func() error { return c.fetchSmall(ctx, batch, to) })
	}
	for _, file := range large {
		group.Go(func() error { return c.fetchLarge(ctx, file, to) })
	}
	return group.Wait()
}

func (c *Client) fetchSmall(ctx context.Context, files []*argosyv1.ArtifactFile, to sink) error {
	request := &argosyv1.BatchReadBlobsRequest{Project: c.settings.project}
	for _, file := range files {
		request.Digests = append(request.Digests, file.GetDigest())
	}
	answer, err := unary(ctx, c, transferAttempts, c.blobs.BatchReadBlobs, request)
	if err != nil {
		return err
	}
	if len(answer.GetResults()) != len(files) {
		return fmt.Errorf("argosy: %d blobs were asked for and %d came", len(files), len(answer.GetResults()))
	}
	for i, result := range answer.GetResults() {
		err := errorOfItem(result.GetStatus())
		if err == nil {
			err = verify(files[i], result.GetContent())
		}
		if err == nil {
			err = put(to, files[i], result.GetContent())
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", files[i].GetPath(), err)
		}
	}
	return nil
}

func (c *Client) fetchLarge(ctx context.Context, file *argosyv1.ArtifactFile, to sink) error {
	reader := c.readBlob(ctx, file.GetDigest(), file.GetSizeBytes())
	defer reader.hangUp()
	target, err := to.create(file)
	if err != nil {
		return err
	}
	_, err = reader.WriteTo(target)
	if err := errors.Join(err, target.Close()); err != nil {
		return fmt.Errorf("read %s: %w", file.GetPath(), err)
	}
	return nil
}

func put(to sink, file *argosyv1.ArtifactFile, content []byte) error {
	target, err := to.create(file)
	if err != nil {
		return err
	}
	_, err = target.Write(content)
	return errors.Join(err, target.Close())
}
