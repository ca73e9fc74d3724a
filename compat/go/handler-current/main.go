// Command handler is a Lambda function on github.com/aws/aws-lambda-go, as one would write it for go1.x.
//
// What an invocation does is chosen by its payload: an API Gateway proxy event gets a proxy response,
// {"do": "..."} gets what the table in the README says, and anything else is echoed.
//
// The file is the same in every module of this folder, so it keeps to what the oldest library and its
// language version have.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/ioutil"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() {
	lambda.Start(handle)
}

func handle(ctx context.Context, event json.RawMessage) (interface{}, error) {
	var c command
	if json.Unmarshal(event, &c) != nil {
		return event, nil
	}
	if c.HTTPMethod != "" && c.Path != "" {
		return proxy(event)
	}
	switch c.Do {
	case "error":
		return nil, &customError{c.Message}
	case "panic":
		panic(c.Message)
	case "bytes":
		return text(c.N), nil
	case "context":
		return describe(ctx, c.Env), nil
	case "exit":
		os.Exit(c.Code)
	case "log":
		fmt.Fprintln(os.Stdout, c.Text)
		fmt.Fprintln(os.Stderr, c.Text)
		return map[string]string{"logged": c.Text}, nil
	case "sleep":
		time.Sleep(time.Duration(c.Ms) * time.Millisecond)
		return map[string]int{"slept": c.Ms}, nil
	case "write":
		return map[string]string{"written": c.File}, ioutil.WriteFile(c.File, []byte(c.Text), 0600)
	}
	return event, nil
}

type command struct {
	HTTPMethod string `json:"httpMethod"`
	Path       string `json:"path"`

	Do      string   `json:"do"`
	Message string   `json:"message"`
	N       int      `json:"n"`
	Env     []string `json:"env"`
	Code    int      `json:"code"`
	Text    string   `json:"text"`
	Ms      int      `json:"ms"`
	File    string   `json:"file"`
}

// customError shows that an error's type arrives by its Go name.
type customError struct{ text string }

func (e *customError) Error() string { return e.text }

func proxy(event json.RawMessage) (interface{}, error) {
	var request events.APIGatewayProxyRequest
	if err := json.Unmarshal(event, &request); err != nil {
		return nil, err
	}
	body, err := json.Marshal(struct {
		Method string `json:"method"`
		Path   string `json:"path"`
		Name   string `json:"name"`
	}{request.HTTPMethod, request.Path, request.QueryStringParameters["name"]})
	if err != nil {
		return nil, err
	}
	return events.APIGatewayProxyResponse{
		StatusCode: 200,
		Headers:    map[string]string{"Content-Type": "application/json"},
		Body:       string(body),
	}, nil
}

// text encodes to a JSON string of n bytes, its quotes included; the shortest has two.
func text(n int) string {
	if n < 2 {
		n = 2
	}
	b := make([]byte, n-2)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return string(b)
}

func describe(ctx context.Context, extra []string) map[string]interface{} {
	d := map[string]interface{}{
		"traceIdEnv": os.Getenv("_X_AMZN_TRACE_ID"),
		"traceIdCtx": ctx.Value("x-amzn-trace-id"),
		"env":        environment(extra),
		"args":       os.Args,
		"pid":        os.Getpid(),
		"uid":        os.Getuid(),
		"go":         runtime.Version(),
	}
	d["cwd"], _ = os.Getwd()
	if deadline, ok := ctx.Deadline(); ok {
		d["deadlineMs"] = deadline.UnixNano() / int64(time.Millisecond)
		d["remainingMs"] = int64(time.Until(deadline) / time.Millisecond)
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		d["requestId"] = lc.AwsRequestID
		d["invokedFunctionArn"] = lc.InvokedFunctionArn
		d["identity"] = map[string]string{
			"cognitoIdentityId":     lc.Identity.CognitoIdentityID,
			"cognitoIdentityPoolId": lc.Identity.CognitoIdentityPoolID,
		}
		d["clientContext"] = map[string]interface{}{
			"client": lc.ClientContext.Client,
			"env":    lc.ClientContext.Env,
			"custom": lc.ClientContext.Custom,
		}
	}
	return d
}

// environment is what Lambda sets, and what the caller asks for by name. Credentials stay out.
func environment(extra []string) map[string]string {
	env := map[string]string{}
	for _, kv := range os.Environ() {
		i := strings.Index(kv, "=")
		k, v := kv[:i], kv[i+1:]
		switch {
		case strings.Contains(k, "SECRET"), strings.Contains(k, "TOKEN"), strings.Contains(k, "ACCESS_KEY"):
		case strings.HasPrefix(k, "AWS_"), strings.HasPrefix(k, "_"), strings.HasPrefix(k, "LAMBDA_"),
			k == "TZ", k == "LANG", k == "PATH", k == "LD_LIBRARY_PATH":
			env[k] = v
		}
	}
	for _, k := range extra {
		if v, ok := os.LookupEnv(k); ok {
			env[k] = v
		}
	}
	return env
}
