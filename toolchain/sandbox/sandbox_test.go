package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	rules := []Rule{
		{"*/redis:3.*", "redis-old"},
		{"*/redis:*", "redis"},
		{"harbor.example.com/wbyh/app-[ab]:1.?", "app"},
		{"docker.io/*", ""},
		{"nginx:*", "nginx"},
	}
	cases := map[string]string{
		"harbor.example.com wbyh/redis 3.2.12": "redis-old",
		"harbor.example.com wbyh/redis 7.0":    "redis",
		"docker.io library/redis 7":            "redis", // no slash as written, one as it is meant
		"harbor.example.com wbyh/app-a 1.2":    "app",
		"harbor.example.com wbyh/app-c 1.2":    "",
		"harbor.example.com wbyh/app-a 1.22":   "",
		"docker.io library/nginx latest":       "", // the first rule that fits decides
		"quay.io some/thing 1":                 "",
	}
	for asked, wanted := range cases {
		parts := strings.Fields(asked)
		found, err := match(rules, spellings(parts[0], parts[1], parts[2]))
		if err != nil || found != wanted {
			t.Errorf("%s: %q, %v; expected %q", asked, found, err, wanted)
		}
	}
	if found, _ := match(rules[4:], spellings("docker.io", "library/nginx", "1")); found != "nginx" {
		t.Errorf("the short name is not found: %q", found)
	}
}

// layoutWith makes a layout with one image called "redis"; returns it and the manifest's digest.
func layoutWith(t *testing.T) (string, string) {
	folder := t.TempDir()
	blobs := filepath.Join(folder, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	manifest := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[]}`
	digest := fmt.Sprintf("%x", sha256.Sum256([]byte(manifest)))
	index := fmt.Sprintf(`{"manifests":[{"digest":"sha256:%s","annotations":{"%s":"redis"}}]}`, digest, refName)
	for path, content := range map[string]string{
		filepath.Join(blobs, digest):          manifest,
		filepath.Join(folder, "index.json"):   index,
		filepath.Join(folder, "table.json"):   `[{"pattern":"*/redis:*","image":"redis"},{"pattern":"*/gone:*","image":"gone"}]`,
		filepath.Join(folder, "secret"):       "not to be served",
		filepath.Join(folder, "blobs/secret"): "not to be served",
	} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder, "sha256:" + digest
}

func TestRegistry(t *testing.T) {
	folder, digest := layoutWith(t)
	server := httptest.NewServer(&registry{folder, filepath.Join(folder, "table.json")})
	defer server.Close()
	cases := []struct {
		method, path string
		status       int
	}{
		{"GET", "/v2/", 200},
		{"HEAD", "/v2/wbyh/redis/manifests/3.2?ns=harbor.example.com", 200},
		{"GET", "/v2/wbyh/redis/manifests/3.2?ns=harbor.example.com", 200},
		{"GET", "/v2/redis/manifests/any?ns=poscloud.local", 200},
		{"GET", "/v2/wbyh/redis/manifests/" + digest + "?ns=harbor.example.com", 200},
		{"GET", "/v2/wbyh/redis/blobs/" + digest, 200},
		{"GET", "/v2/wbyh/nosuch/manifests/1?ns=harbor.example.com", 404},
		{"GET", "/v2/wbyh/gone/manifests/1?ns=harbor.example.com", 404},
		{"GET", "/v2/nosuch/manifests/1?ns=poscloud.local", 404},
		{"GET", "/v2/x/blobs/sha256:" + strings.Repeat("0", 64), 404},
		{"GET", "/v2/x/blobs/secret", 400},
		{"GET", "/v2/x/blobs/..%2f..%2fsecret", 404},
		{"POST", "/v2/x/blobs/uploads/", 405},
		{"GET", "/somewhere", 404},
	}
	for _, one := range cases {
		asked, _ := http.NewRequest(one.method, server.URL+one.path, nil)
		answer, err := http.DefaultClient.Do(asked)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != one.status {
			t.Errorf("%s %s: %s %s", one.method, one.path, answer.Status, body)
		}
		if strings.Contains(one.path, "/manifests/") && one.status == 200 {
			media, said := answer.Header.Get("Content-Type"), answer.Header.Get("Docker-Content-Digest")
			if media != "application/vnd.oci.image.manifest.v1+json" || said != digest {
				t.Errorf("%s %s: %s, %s", one.method, one.path, media, said)
			}
		}
		if one.status == 404 && strings.Contains(one.path, "nosuch") {
			var problem struct {
				Errors []struct{ Code, Message string }
			}
			if json.Unmarshal(body, &problem) != nil || problem.Errors[0].Code != "MANIFEST_UNKNOWN" {
				t.Errorf("%s: %s", one.path, body)
			}
		}
	}
}

func TestHierarchies(t *testing.T) {
	own := "9:name=systemd:/\n4:memory:/some/where\n3:cpu,cpuacct:/\n0::/unified\n"
	mounts := `27 22 0:24 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
28 22 0:25 /some /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
29 22 0:26 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
30 22 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
31 22 0:28 /other /mnt/elsewhere rw - cgroup cgroup rw,pids`
	wanted := []hierarchy{
		{"cpu,cpuacct", "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"},
		{"memory", "memory", "/sys/fs/cgroup/memory/where"},
		{"systemd", "name=systemd", "/sys/fs/cgroup/systemd"},
	}
	if found := parseHierarchies(own, mounts); !reflect.DeepEqual(found, wanted) {
		t.Errorf("%v", found)
	}
	if found := parseHierarchies("0::/\n", "30 22 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"); len(found) != 0 {
		t.Errorf("version 2 alone: %v", found)
	}
}
