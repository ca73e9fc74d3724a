// Package messages has go1.x's invocation messages, field for field as aws-lambda-go declares them.
//
// It has to be called "messages": gob sends the package-qualified spelling of the nameless slice in here.
package messages

// InvokeRequest_Timestamp is an absolute point in time.
type InvokeRequest_Timestamp struct {
	Seconds int64
	Nanos   int64
}

// InvokeRequest is the argument of Function.Invoke.
type InvokeRequest struct {
	Payload               []byte
	RequestId             string
	XAmznTraceId          string
	Deadline              InvokeRequest_Timestamp
	InvokedFunctionArn    string
	CognitoIdentityId     string
	CognitoIdentityPoolId string
	ClientContext         []byte
}

// InvokeResponse is the reply of Function.Invoke.
type InvokeResponse struct {
	Payload []byte
	Error   *InvokeResponse_Error
}

// InvokeResponse_Error describes a failed invocation.
type InvokeResponse_Error struct {
	Message    string
	Type       string
	StackTrace []*InvokeResponse_Error_StackFrame
	ShouldExit bool
}

// InvokeResponse_Error_StackFrame is one entry of a stack trace.
type InvokeResponse_Error_StackFrame struct {
	Path  string
	Line  int32
	Label string
}
