package gemm

//go:generate sh -c "cd ../_generate && go run ./gemm -out ../gemm/gemm_amd64.s -stubs ../gemm/stubs_amd64.go -pkg gemm"
