package argosy

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	argosyv1 "example.com/argosy/clients/go/argosy/v1"
)

const (
	// smallBytes is below which files travel in batches.
	smallBytes = 256 << 10
	// streamsAtOnce is how many large files of one value move at the same time.
	streamsAtOnce = 4
	// longBytes is from which size on a file is hashed while it is sent, where the project has none of its size.
	longBytes = 16 << 20
	// rounds is how often all blobs of a version are looked for when some got lost meanwhile.
	rounds = 3
)

// stored is a file with the digest it is stored under.
type stored struct {
	File
	// digest is empty for a file that is hashed while it is sent, until that is done.
	digest string
	hashed hashing
}

// store sees to it that the project has the bytes of all files and returns how a version refers to them.
// Few bytes travel inside the request that makes the version.
func (c *Client) store(ctx context.Context, files []File) ([]*argosyv1.NewArtifactFile, []*stored, error) {
	if len(files) > int(c.capabilities.GetMaxFiles()) {
		return nil, nil, fmt.Errorf("argosy: it has %d files, the server takes at most %d; save an archive of them",
			len(files), c.capabilities.GetMaxFiles())
	}
	total := int64(0)
	for _, file := range files {
		total += file.size
	}
	if total <= int64(c.capabilities.GetMaxInlineBytes()) {
		inline, err := inlineFiles(files)
		return inline, nil, err
	}
	kept, err := c.hashAll(ctx, files)
	if err != nil {
		return nil, nil, err
	}
	if err := c.sendMissing(ctx, kept); err != nil {
		return nil, nil, err
	}
	return references(kept), kept, nil
}

func inlineFiles(files []File) ([]*argosyv1.NewArtifactFile, error) {
	inline := make([]*argosyv1.NewArtifactFile, 0, len(files))
	for _, file := range files {
		content, err := file.content()
		if err != nil {
			return nil, err
		}
		inline = append(inline, &argosyv1.NewArtifactFile{
			Path: file.path, Content: &argosyv1.NewArtifactFile_InlineContent{InlineContent: content}, InlineDigest: digestOf(content),
		})
	}
	return inline, nil
}

func references(kept []*stored) []*argosyv1.NewArtifactFile {
	files := make([]*argosyv1.NewArtifactFile, 0, len(kept))
	for _, file := range kept {
		files = append(files, &argosyv1.NewArtifactFile{
			Path: file.path, Content: &argosyv1.NewArtifactFile_Digest{Digest: file.digest},
		})
	}
	return files
}

// hashAll hashes the files, but for long ones whose content the project cannot have.
func (c *Client) hashAll(ctx context.Context, files []File) ([]*stored, error) {
	isNew, err := c.newSizes(ctx, files)
	if err != nil {
		return nil, err
	}
	kept := make([]*stored, len(files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, file := range files {
		kept[i] = &stored{File: file}
		if isNew[file.size] {
			continue
		}
		group.Go(func() (err error) {
			kept[i].digest, err = file.hash(ctx)
			return err
		})
	}
	return kept, group.Wait()
}

// newSizes are sizes of long files, of which the project has no file and this version only one.
func (c *Client) newSizes(ctx context.Context, files []File) (map[int64]bool, error) {
	count := map[int64]int{}
	for _, file := range files {
		if file.size >= longBytes {
			count[file.size]++
		}
	}
	isNew, request := map[int64]bool{}, &argosyv1.FindMissingBlobsRequest{Project: c.settings.project}
	for size, times := range count {
		if times == 1 {
			request.Sizes = append(request.Sizes, size)
			isNew[size] = true
		}
	}
	if len(request.Sizes) == 0 || len(request.Sizes) > int(c.capabilities.GetMaxDigests()) {
		return nil, nil
	}
	answer, err := unary(ctx, c, transferAttempts, c.blobs.FindMissingBlobs, request)
	for _, size := range answer.GetKnownSizes() {
		isNew[size] = false
	}
	return isNew, err
}

// sendMissing uploads those files the project does not have.
func (c *Client) sendMissing(ctx context.Context, kept []*stored) error {
	missing, err := c.missingOf(ctx, kept)
	if err != nil {
		return err
	}
	var small, large []*stored
	for _, file := range missing {
		if file.size < smallBytes {
			small = append(small, file)
		} else {
			large = append(large, file)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(streamsAtOnce)
	for _, file := range large {
		group.Go(func() error { return c.uploadLarge(ctx, file) })
	}
	most := batchLimit{bytes: int64(c.capabilities.GetMaxBatchBytes()), items: int(c.capabilities.GetMaxBatchItems())}
	for _, batch := range batches(small, most, func(file *stored) int64 { return file.size }) {
		group.Go(func() error { return c.uploadSmall(ctx, batch) })
	}
	return group.Wait()
}

// missingOf returns, of files with the same content one, those the project does not have.
func (c *Client) missingOf(ctx context.Context, kept []*stored) ([]*stored, error) {
	byDigest := make(map[string]*stored, len(kept))
	var digests []string
	var missing []*stored
	for _, file := range kept {
		if file.digest == "" {
			missing = append(missing, file)
			continue
		}
		if byDigest[file.digest] == nil {
			byDigest[file.digest] = file
			digests = append(digests, file.digest)
		}
	}
	most := batchLimit{items: int(c.capabilities.GetMaxDigests())}
	for _, batch := range batches(digests, most, func(string) int64 { return 0 }) {
		request := &argosyv1.FindMissingBlobsRequest{Project: c.settings.project, Digests: batch}
		answer, err := unary(ctx, c, transferAttempts, c.blobs.FindMissingBlobs, request)
		if err != nil {
			return nil, err
		}
		for _, digest := range answer.GetMissingDigests() {
			if file := byDigest[digest]; file != nil {
				missing = append(missing, file)
			}
		}
	}
	return missing, nil
}

func (c *Client) uploadSmall(ctx context.Context, files []*stored) error {
	request := &argosyv1.BatchUploadBlobsRequest{Project: c.settings.project}
	for _, file := range files {
		content, err := file.content()
		if err != nil {
			return err
		}
		// What was read now is what is stored, also when the file changed since it was hashed.
		file.digest = digestOf(content)
		request.Blobs = append(request.Blobs, &argosyv1.NewBlob{Digest: file.digest, Content: content})
	}
	answer, err := unary(ctx, c, transferAttempts, c.blobs.BatchUploadBlobs, request)
	if err != nil {
		return err
	}
	if len(answer.GetStatuses()) != len(files) {
		return fmt.Errorf("argosy: %d blobs were sent and %d answered", len(files), len(answer.GetStatuses()))
	}
	for i, item := range answer.GetStatuses() {
		if err := errorOfItem(item); err != nil {
			return fmt.Errorf("upload %s: %w", files[i].path, err)
		}
	}
	return nil
}

// commit calls publish with the files of a version. When blobs were lost between their upload and that,
// they are sent again.
func commit[Answer any](
	ctx context.Context, c *Client, files []File, publish func([]*argosyv1.NewArtifactFile) (Answer, error),
) (Answer, error) {
	var none Answer
	if err := checkPaths(files); err != nil {
		return none, err
	}
	refer, kept, err := c.store(ctx, files)
	if err != nil {
		return none, err
	}
	for round := 1; ; round++ {
		answer, err := publish(refer)
		if round == rounds || len(kept) == 0 || !errors.Is(err, ErrBlobMissing) {
			return answer, err
		}
		if err := c.sendMissing(ctx, kept); err != nil {
			return none, err
		}
		refer = references(kept)
	}
}

func checkPaths(files []File) error {
	if len(files) == 0 {
		return errors.New("argosy: a version has at least one file")
	}
	seen := make(map[string]bool, len(files))
	for _, file := range files {
		if err := checkPath(file.path); err != nil {
			return fmt.Errorf("argosy: %w", err)
		}
		if seen[file.path] {
			return fmt.Errorf("argosy: two files have the path %q", file.path)
		}
		seen[file.path] = true
	}
	return nil
}

// batchLimit is how much fits into one call; 0 bytes means any number of them.
type batchLimit struct {
	bytes int64
	items int
}

// batches cuts items into runs that fit into one call each.
func batches[Item any](items []Item, most batchLimit, sizeOf func(Item) int64) [][]Item {
	var all [][]Item
	begin, size := 0, int64(0)
	for i, item := range items {
		isFull := i-begin >= most.items && most.items > 0 || most.bytes > 0 && size+sizeOf(item) > most.bytes
		if i > begin && isFull {
			all, begin, size = append(all, items[begin:i]), i, 0
		}
		size += sizeOf(item)
	}
	if begin < len(items) {
		all = append(all, items[begin:])
	}
	return all
}
