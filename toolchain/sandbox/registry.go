package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// ownHost is the registry's own name: poscloud.local/NAME is the image NAME of the layout, whatever the table says.
const ownHost = "poscloud.local"

const refName = "org.opencontainers.image.ref.name"

// registry serves the images of an OCI image layout under every name that a table gives them. The container runtime
// asks it for each registry there is ("mirror") and says in ?ns= which one is meant.
type registry struct {
	layout, table string
}

// Rule says that all names like Pattern are the image Image of the layout; see patterns.go.
type Rule struct {
	Pattern string `json:"pattern"`
	Image   string `json:"image"`
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations"`
}

var request = regexp.MustCompile(`^/v2/(.+)/(manifests|blobs)/([^/]+)$`)
var digestText = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func serveRegistry(address, layout, table string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return http.Serve(listener, &registry{layout, table})
}

func (r *registry) ServeHTTP(answer http.ResponseWriter, asked *http.Request) {
	if asked.Method != http.MethodGet && asked.Method != http.MethodHead {
		refuse(answer, http.StatusMethodNotAllowed, "UNSUPPORTED", "this registry can only be read")
		return
	}
	if asked.URL.Path == "/v2/" || asked.URL.Path == "/v2" {
		answer.WriteHeader(http.StatusOK)
		return
	}
	parts := request.FindStringSubmatch(asked.URL.Path)
	if parts == nil {
		refuse(answer, http.StatusNotFound, "UNSUPPORTED", "not part of the registry's interface")
		return
	}
	name, kind, reference := parts[1], parts[2], parts[3]
	host := asked.URL.Query().Get("ns")
	if digestText.MatchString(reference) {
		r.blob(answer, asked, reference, kind)
		return
	}
	if kind == "blobs" {
		refuse(answer, http.StatusBadRequest, "DIGEST_INVALID", "expected sha256:… as the blob's digest")
		return
	}
	full := fmt.Sprintf("%s/%s:%s", host, name, reference)
	image, err := r.lookUp(host, name, reference)
	if err != nil {
		log.Printf("%s: %v", full, err)
		refuse(answer, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	if image == nil {
		log.Printf("%s: not known", full)
		refuse(answer, http.StatusNotFound, "MANIFEST_UNKNOWN", full+" is not among the images of this cluster")
		return
	}
	log.Printf("%s: %s", full, image.Annotations[refName])
	r.blob(answer, asked, image.Digest, kind)
}

func refuse(answer http.ResponseWriter, status int, code, message string) {
	answer.Header().Set("Content-Type", "application/json")
	answer.WriteHeader(status)
	problem := map[string]string{"code": code, "message": message}
	_ = json.NewEncoder(answer).Encode(map[string]any{"errors": []any{problem}})
}

func (r *registry) blob(answer http.ResponseWriter, asked *http.Request, digest, kind string) {
	file, err := os.Open(filepath.Join(r.layout, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:")))
	if err != nil {
		refuse(answer, http.StatusNotFound, "BLOB_UNKNOWN", digest+" is not in the layout")
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		refuse(answer, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	media := "application/octet-stream"
	if kind == "manifests" {
		var manifest descriptor // of a manifest's fields it needs only the first
		if err := json.NewDecoder(file).Decode(&manifest); err != nil {
			refuse(answer, http.StatusInternalServerError, "MANIFEST_INVALID", err.Error())
			return
		}
		if media = manifest.MediaType; media == "" {
			media = "application/vnd.oci.image.manifest.v1+json"
		}
	}
	answer.Header().Set("Content-Type", media)
	answer.Header().Set("Docker-Content-Digest", digest)
	http.ServeContent(answer, asked, "", info.ModTime(), file)
}

// lookUp finds the image that a name stands for; nil when there is none. Layout and table are read each time: both may
// grow while the cluster runs.
func (r *registry) lookUp(host, name, tag string) (*descriptor, error) {
	wanted := ""
	if host == ownHost {
		wanted = name
	} else {
		var rules []Rule
		if err := readJSON(r.table, &rules); err != nil {
			return nil, err
		}
		var err error
		if wanted, err = match(rules, spellings(host, name, tag)); err != nil || wanted == "" {
			return nil, err
		}
	}
	var index struct {
		Manifests []descriptor `json:"manifests"`
	}
	if err := readJSON(filepath.Join(r.layout, "index.json"), &index); err != nil {
		return nil, err
	}
	for i := range index.Manifests {
		if index.Manifests[i].Annotations[refName] == wanted {
			return &index.Manifests[i], nil
		}
	}
	return nil, nil
}

func readJSON(path string, into any) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// spellings are all ways to write an image's name: the one registry that need not be named may have been left out.
func spellings(host, name, tag string) []string {
	found := []string{fmt.Sprintf("%s/%s:%s", host, name, tag)}
	if host == "docker.io" {
		found = append(found, fmt.Sprintf("%s:%s", name, tag))
		if short, ok := strings.CutPrefix(name, "library/"); ok {
			found = append(found, fmt.Sprintf("%s:%s", short, tag))
		}
	}
	return found
}

// match returns the image of the first rule that one of the names is like; empty when none is.
func match(rules []Rule, names []string) (string, error) {
	for _, rule := range rules {
		pattern, err := translate(rule.Pattern)
		if err != nil {
			return "", err
		}
		for _, name := range names {
			if pattern.MatchString(name) {
				return rule.Image, nil
			}
		}
	}
	return "", nil
}
