package argosy

import (
	"os"
	"syscall"
)

// takeRoom reserves bytes of a file on its disk; the file is at least as long afterwards.
func takeRoom(file *os.File, offset, length int64) error {
	connection, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	err = connection.Control(func(descriptor uintptr) {
		failure = syscall.Fallocate(int(descriptor), 0, offset, length)
	})
	if err != nil {
		return err
	}
	return failure
}
