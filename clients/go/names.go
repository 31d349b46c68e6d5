package argosy

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkName refuses what docs/formats.md forbids in the name of a file, and what this system cannot
// keep as the name of a file.
func checkName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return errors.New("a part of it is empty, . or ..")
	case len(name) > 255:
		return errors.New("a part of it has more than 255 bytes")
	case !utf8.ValidString(name):
		return errors.New("it is not UTF-8")
	case strings.ContainsAny(name, `/\`) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New(`a part of it has /, \ or a control character`)
	case !filepath.IsLocal(name):
		return errors.New("this system has no files of such a name")
	}
	return nil
}

// checkPath refuses paths that could lead anywhere but below the directory they are put into.
func checkPath(path string) error {
	for part := range strings.SplitSeq(path, "/") {
		if err := checkName(part); err != nil {
			return fmt.Errorf("the path %q is refused: %w", path, err)
		}
	}
	return nil
}
