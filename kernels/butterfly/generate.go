package butterfly

//go:generate sh -c "cd ../_generate && go run ./butterfly -out ../butterfly/butterfly_amd64.s -stubs ../butterfly/stubs_amd64.go -pkg butterfly"
