package cpu

//go:generate sh -c "cd ../_generate && go run ./cpu -out ../cpu/cpu_amd64.s -stubs ../cpu/stubs_amd64.go -pkg cpu"
