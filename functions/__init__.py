"""One module per Lambda function: parse the event, call one function, answer."""
