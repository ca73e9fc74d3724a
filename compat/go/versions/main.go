// Command versions is the smallest handler that answers, fails and panics: it builds on every aws-lambda-go there is.
//
// It answers with its invocation's request id. go.mod names one version; the crate around this folder sets others, and
// go.sum has the hashes of all of them.
package main

import (
	"context"
	"errors"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() {
	lambda.Start(handle)
}

func handle(ctx context.Context, do string) (string, error) {
	switch do {
	case "error":
		return "", errors.New("sold out")
	case "panic":
		panic("kaboom")
	}
	invocation, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return "", errors.New("the context has nothing of Lambda")
	}
	return invocation.AwsRequestID, nil
}
