// The first process of a pod: it holds the pod's namespaces and waits.
module poscloud.dev/pause

go 1.26
