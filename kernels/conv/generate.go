package conv

//go:generate sh -c "cd ../_generate && go run ./conv -out ../conv/conv_amd64.s -stubs ../conv/stubs_amd64.go -pkg conv"
