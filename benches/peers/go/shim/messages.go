package main

// What go1.x and its handlers say to each other, field for field as in aws-lambda-go's lambda/messages/messages.go. Gob
// goes by the names of the fields.

type pingRequest struct{}

type pingResponse struct{}

type timestamp struct {
	Seconds int64
	Nanos   int64
}

type invokeRequest struct {
	Payload               []byte
	RequestId             string
	XAmznTraceId          string
	Deadline              timestamp
	InvokedFunctionArn    string
	CognitoIdentityId     string
	CognitoIdentityPoolId string
	ClientContext         []byte
}

type invokeResponse struct {
	Payload []byte
	Error   *failure
}

type failure struct {
	Message    string  `json:"errorMessage"`
	Type       string  `json:"errorType"`
	StackTrace []frame `json:"stackTrace,omitempty"`
	ShouldExit bool    `json:"-"`
}

type frame struct {
	Path  string `json:"path"`
	Line  int32  `json:"line"`
	Label string `json:"label"`
}
