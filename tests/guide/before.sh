# What the guide's reader has before the first command: a clone of this repository, and a function on go1.x with its
# source and an event for it.
ln -s "$CLONE" go1x
cp -r go1x/compat/go/handler-v1.13.3 source
echo '{"httpMethod": "GET", "path": "/orders", "queryStringParameters": {"name": "you"}}' >event.json

cp "$HANDLER" main
zip -q orders.zip main
rm main
role=$(aws iam create-role --role-name orders --assume-role-policy-document '{}' --query Role.Arn --output text)
aws lambda create-function --function-name orders --runtime go1.x --handler main --role "$role" \
    --zip-file fileb://orders.zip >created.json
