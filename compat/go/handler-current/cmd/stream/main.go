// Command stream is a Lambda function whose response is a reader: {"pieces": [...]} are its pieces, and if there is a
// "fail", it fails with that text behind them.
package main

import (
	"errors"
	"io"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(handle)
}

type command struct {
	Pieces []string `json:"pieces"`
	Fail   string   `json:"fail"`
}

func handle(c command) (io.Reader, error) {
	reader, writer := io.Pipe()
	go func() {
		for _, piece := range c.Pieces {
			io.WriteString(writer, piece)
		}
		if c.Fail != "" {
			writer.CloseWithError(errors.New(c.Fail))
			return
		}
		writer.Close()
	}()
	return reader, nil
}
