package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

func winsize() error {
	var size struct{ rows, cols, x, y uint16 }
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, os.Stdout.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return errno
	}
	fmt.Printf("%dx%d\n", size.cols, size.rows)
	return nil
}
