package onnxgo

import (
	"regexp"
	"testing"

	"github.com/owulveryck/onnx-go/backend/testbackend"
	_ "github.com/owulveryck/onnx-go/backend/testbackend/onnx"
)

func TestBench(t *testing.T) {
	cases := testbackend.FindAllTestsMatching(regexp.MustCompile(""))
	for _, newCase := range cases {
		tc := newCase()
		t.Run(tc.GetInfo(), tc.RunTest(New(), false))
	}
}
