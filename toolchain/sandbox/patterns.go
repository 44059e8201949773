package main

import (
	"fmt"
	"regexp"
	"strings"
)

// What a pattern may be, as poscloud/local/nodeimages/patterns.py has it, which says it in words; both are held to
// testdata/patterns.json.
var (
	setText   = regexp.MustCompile(`^\[!?(?:[A-Za-z0-9._/:]-[A-Za-z0-9._/:]|[A-Za-z0-9._/:])+-?\]`)
	plainText = regexp.MustCompile(`^[A-Za-z0-9._/:-]`)
)

// translate makes a regular expression of a pattern, in which * crosses slashes.
func translate(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, fmt.Errorf("an empty pattern")
	}
	var expression strings.Builder
	expression.WriteString(`^`)
	for rest := pattern; rest != ""; {
		length := 1
		switch set := setText.FindString(rest); {
		case rest[0] == '*':
			expression.WriteString(`.*`)
		case rest[0] == '?':
			expression.WriteString(`.`)
		case set != "":
			length = len(set)
			if inner, ok := strings.CutPrefix(set, "[!"); ok {
				set = "[^" + inner
			}
			expression.WriteString(set)
		case plainText.MatchString(rest):
			expression.WriteString(regexp.QuoteMeta(rest[:1]))
		default:
			return nil, fmt.Errorf("pattern %q: %q is not understood", pattern, rest)
		}
		rest = rest[length:]
	}
	expression.WriteString(`$`)
	found, err := regexp.Compile(expression.String()) // fails for a set such as [9-0]
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	return found, nil
}
