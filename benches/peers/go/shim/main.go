// Command shim is what go1x's bootstrap is compared with: the same bridge as one would write it in Go in an afternoon, with
// the standard library alone. It asks the Runtime API for events by net/http, and has the handler of _HANDLER answer them
// by net/rpc, one after the other, as the runtime go1.x did.
//
// It does what an invocation takes, and no more: there is no fresh process after a panic, no diagnosis of a handler that
// does not start, no concurrency.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// How often is tried whether the handler listens: as often as by the bridge in lambci/docker-lambda.
const patience = 5 * time.Millisecond

func main() {
	log.SetFlags(0)
	log.SetPrefix("shim: ")
	port, err := freePort()
	if err != nil {
		log.Fatal(err)
	}
	handler := start(port)
	ended := make(chan error, 2)
	go func() { ended <- handler.Wait() }()
	// Elsewhere, because this goroutine keeps its thread: see start.
	go func() { ended <- serve(port) }()
	log.Fatal(<-ended)
}

// init ties main to the program's first thread, with whose end the kernel ends the handler.
func init() {
	runtime.LockOSThread()
}

func start(port string) *exec.Cmd {
	handler := exec.Command(filepath.Join(os.Getenv("LAMBDA_TASK_ROOT"), os.Getenv("_HANDLER")))
	handler.Env = append(os.Environ(), "_LAMBDA_SERVER_PORT="+port)
	handler.Stdout, handler.Stderr = os.Stdout, os.Stderr
	handler.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := handler.Start(); err != nil {
		log.Fatal(err)
	}
	return handler
}

func serve(port string) error {
	client := connect(port)
	base := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		if err := invoke(client, base); err != nil {
			return err
		}
	}
}

func connect(port string) *rpc.Client {
	for {
		client, err := rpc.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			for client.Call("Function.Ping", &pingRequest{}, &pingResponse{}) != nil {
				time.Sleep(patience)
			}
			return client
		}
		time.Sleep(patience)
	}
}

// invoke takes one event from the Runtime API to the handler, and the answer back.
func invoke(client *rpc.Client, base string) error {
	next, err := http.Get(base + "next")
	if err != nil {
		return err
	}
	event, err := io.ReadAll(next.Body)
	next.Body.Close()
	if err != nil {
		return err
	}
	if next.StatusCode != http.StatusOK {
		return fmt.Errorf("next: %s: %s", next.Status, event)
	}
	request := invokeRequest{
		Payload:            event,
		RequestId:          next.Header.Get("Lambda-Runtime-Aws-Request-Id"),
		XAmznTraceId:       next.Header.Get("Lambda-Runtime-Trace-Id"),
		InvokedFunctionArn: next.Header.Get("Lambda-Runtime-Invoked-Function-Arn"),
		ClientContext:      []byte(next.Header.Get("Lambda-Runtime-Client-Context")),
	}
	deadline, err := strconv.ParseInt(next.Header.Get("Lambda-Runtime-Deadline-Ms"), 10, 64)
	if err != nil {
		return err
	}
	request.Deadline = timestamp{Seconds: deadline / 1000, Nanos: deadline % 1000 * 1e6}

	var response invokeResponse
	if err := client.Call("Function.Invoke", &request, &response); err != nil {
		return err
	}
	kind, payload := "/response", response.Payload
	if response.Error != nil {
		kind = "/error"
		if payload, err = json.Marshal(response.Error); err != nil {
			return err
		}
	}
	posted, err := http.Post(base+request.RequestId+kind, "application/json", bytes.NewReader(payload))
	if err != nil {
		return err
	}
	// Read to its end, so that the connection is used again.
	said, err := io.ReadAll(posted.Body)
	posted.Body.Close()
	if err != nil {
		return err
	}
	if posted.StatusCode != http.StatusAccepted {
		return fmt.Errorf("%s: %s: %s", kind, posted.Status, said)
	}
	if response.Error != nil && response.Error.ShouldExit {
		return errors.New(response.Error.Message)
	}
	return nil
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}
