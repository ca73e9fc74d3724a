module handler

go 1.13

require github.com/aws/aws-lambda-go v1.13.3
