// Command wrapper is what AWS_LAMBDA_EXEC_WRAPPER may name: it adds WRAPPED=yes to the environment and makes way for
// the command line in its arguments.
package main

import (
	"log"
	"os"
	"syscall"
)

func main() {
	err := syscall.Exec(os.Args[1], os.Args[1:], append(os.Environ(), "WRAPPED=yes"))
	log.Fatalf("%s: %v", os.Args[1], err)
}
