package main

import (
	"encoding/json"
	"os"
	"testing"
)

func TestPatternsMeanWhatThePythonSideTakesThemFor(t *testing.T) {
	content, err := os.ReadFile("testdata/patterns.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases struct {
		Fits  [][3]any
		Wrong []string
	}
	if err := json.Unmarshal(content, &cases); err != nil || len(cases.Fits) == 0 || len(cases.Wrong) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, one := range cases.Fits {
		expression, err := translate(one[0].(string))
		if err != nil {
			t.Error(err)
		} else if expression.MatchString(one[1].(string)) != one[2].(bool) {
			t.Errorf("%s and %s: expected %v", one[0], one[1], one[2])
		}
	}
	for _, pattern := range cases.Wrong {
		if expression, err := translate(pattern); err == nil {
			t.Errorf("%q is taken for %s", pattern, expression)
		}
	}
}
