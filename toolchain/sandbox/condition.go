package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Conditions look at what a program needs, or at whether it is ready:
//
//	file:PATH       is there
//	unix:PATH       is listened on
//	tcp:HOST:PORT   is listened on
//	http://… or https://…   answers 200; https with the configuration's certificate
type conditions struct {
	client *http.Client
}

func newConditions(c *Config) (*conditions, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	if c.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return nil, err
		}
		authority, err := os.ReadFile(c.Authority)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(authority) {
			return nil, fmt.Errorf("%s holds no certificate", c.Authority)
		}
		transport.TLSClientConfig = &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool}
	}
	return &conditions{&http.Client{Transport: transport, Timeout: 2 * time.Second}}, nil
}

// holds says why a condition does not hold; nil when it does.
func (c *conditions) holds(text string) error {
	kind, rest, _ := strings.Cut(text, ":")
	switch kind {
	case "file":
		_, err := os.Stat(rest)
		return err
	case "unix", "tcp":
		connection, err := net.DialTimeout(kind, rest, time.Second)
		if err == nil {
			connection.Close()
		}
		return err
	case "http", "https":
		answer, err := c.client.Get(text)
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", text, answer.Status)
		}
		return nil
	}
	return fmt.Errorf("unknown condition %q", text)
}
