package vec

//go:generate sh -c "cd ../_generate && go run ./vec -out ../vec/vec_amd64.s -stubs ../vec/stubs_amd64.go -pkg vec"
