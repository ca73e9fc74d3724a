// Command sigterm asks for SIGTERM as aws-lambda-go lets a handler do, and answers with its process and its event.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() {
		fmt.Println("SIGTERM received by", os.Getpid())
		os.Exit(0)
	}))
}

type reply struct {
	Pid   int             `json:"pid"`
	Event json.RawMessage `json:"event"`
}

func handle(_ context.Context, event json.RawMessage) (reply, error) {
	if string(event) == `"panic"` {
		panic("as it was told")
	}
	return reply{os.Getpid(), event}, nil
}
