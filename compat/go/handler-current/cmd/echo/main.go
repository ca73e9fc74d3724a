// Command echo is a Lambda function that answers with the bytes it got; nothing is decoded.
//
// The file is the same in every module of this folder.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.StartHandler(echo{})
}

type echo struct{}

// Invoke is what makes echo a lambda.Handler.
func (echo) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	return payload, nil
}
