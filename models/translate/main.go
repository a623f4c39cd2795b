// Command translate translates sentences with an encoder and a decoder in ONNX,
// on the runtime of kcompress: an example of its library. README.md says what the
// models must look like.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/kcompress/kcompress/onnx"
)

// config holds the flags.
type config struct {
	encoder, decoder, sourceIDs, pieces, out string
	threads, limit                           int
}

// figures is the line of JSON that the program prints.
type figures struct {
	Engine             string  `json:"engine"`
	Threads            int     `json:"threads"`
	Sentences          int     `json:"sentences"`
	Seconds            float64 `json:"seconds"`
	SentencesPerSecond float64 `json:"sentences_per_second"`
	TokensPerSecond    float64 `json:"tokens_per_second"`
}

func main() {
	var c config
	flag.StringVar(&c.encoder, "encoder", "", "encoder `model.onnx`")
	flag.StringVar(&c.decoder, "decoder", "", "decoder `model.onnx` that makes one step")
	flag.StringVar(&c.sourceIDs, "source-ids", "", "`file` of sentences to translate: a line of token ids each")
	flag.StringVar(&c.pieces, "pieces", "", "`file` of the vocabulary: a line of text for each token id")
	flag.StringVar(&c.out, "out", "", "`file` to write the translations to, a line each")
	flag.IntVar(&c.threads, "threads", 0, "threads to use; 0 is one per CPU")
	flag.IntVar(&c.limit, "limit", 0, "sentences to translate; 0 is all")
	flag.Parse()
	if c.encoder == "" || c.decoder == "" || c.sourceIDs == "" || c.pieces == "" || c.out == "" || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "translate: --encoder, --decoder, --source-ids, --pieces and --out are needed, and nothing else")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	result, err := run(ctx, c)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "translate:", err)
		os.Exit(1)
	}
}

// run translates the file and says how fast that was; reading the files is not
// counted.
func run(ctx context.Context, c config) (figures, error) {
	pieces, err := readLines(c.pieces)
	if err != nil {
		return figures{}, err
	}
	sentences, err := readIDs(c.sourceIDs, len(pieces), c.limit)
	if err != nil {
		return figures{}, err
	}
	t, err := openTranslator(c.encoder, c.decoder, c.threads)
	if err != nil {
		return figures{}, err
	}
	defer t.close()

	start, steps := time.Now(), 0
	lines := make([]string, len(sentences))
	for i, source := range sentences {
		target, err := t.translate(ctx, source)
		if err != nil {
			return figures{}, fmt.Errorf("%s: line %d: %w", c.sourceIDs, i+1, err)
		}
		steps += target.steps
		if lines[i], err = join(target.tokens, pieces); err != nil {
			return figures{}, fmt.Errorf("%s: %w", c.pieces, err)
		}
	}
	seconds := time.Since(start).Seconds()
	err = onnx.WriteFile(c.out, func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Join(lines, "\n")+"\n")
		return err
	})
	if err != nil {
		return figures{}, fmt.Errorf("%s: %w", c.out, err)
	}
	return figures{
		Engine:             "kcompress",
		Threads:            t.decoder.Threads(),
		Sentences:          len(sentences),
		Seconds:            seconds,
		SentencesPerSecond: float64(len(sentences)) / seconds,
		TokensPerSecond:    float64(steps) / seconds,
	}, nil
}
