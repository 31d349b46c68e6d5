//go:build !linux

package argosy

import (
	"errors"
	"os"
)

func takeRoom(*os.File, int64, int64) error { return errors.ErrUnsupported }
