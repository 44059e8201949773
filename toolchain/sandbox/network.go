package main

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// bridge joins the nodes; it is in the first one's sandbox. With a single node it has no ports.
const bridge = "kn0"

// connect gives each sandbox its address and leads the nodes to each other. Nothing leads out: each default route
// ends at the nodes' own network, and is there because service addresses need a route before they are rewritten.
func connect(c *Config, pids []int) error {
	handles := make([]*netlink.Handle, len(pids))
	for i, pid := range pids {
		handle, err := handleOf(pid)
		if err != nil {
			return err
		}
		defer handle.Close()
		handles[i] = handle
	}
	for i := range c.Nodes {
		if err := join(handles, pids, i); err != nil {
			return fmt.Errorf("network of %s: %w", c.Nodes[i].Name, err)
		}
	}
	// Addresses and routes last: a default route needs its link to be up.
	for i := range c.Nodes {
		if err := address(handles[i], &c.Nodes[i], i == 0); err != nil {
			return fmt.Errorf("network of %s: %w", c.Nodes[i].Name, err)
		}
	}
	return nil
}

func handleOf(pid int) (*netlink.Handle, error) {
	namespace, err := netns.GetFromPid(pid)
	if err != nil {
		return nil, err
	}
	defer namespace.Close()
	return netlink.NewHandleAt(namespace)
}

// join makes the bridge of the first node, and for each other one a pair of interfaces from the bridge to it.
func join(handles []*netlink.Handle, pids []int, i int) error {
	first := handles[0]
	if i == 0 {
		return first.LinkAdd(&netlink.Bridge{LinkAttrs: attributes(bridge)})
	}
	port := fmt.Sprintf("v%d", i+1)
	pair := &netlink.Veth{LinkAttrs: attributes(port), PeerName: "eth0", PeerNamespace: netlink.NsPid(pids[i])}
	if err := first.LinkAdd(pair); err != nil {
		return err
	}
	link, err := first.LinkByName(port)
	if err != nil {
		return err
	}
	master, err := first.LinkByName(bridge)
	if err != nil {
		return err
	}
	if err := first.LinkSetMaster(link, master); err != nil {
		return err
	}
	return first.LinkSetUp(link)
}

func attributes(name string) netlink.LinkAttrs {
	found := netlink.NewLinkAttrs()
	found.Name = name
	return found
}

func address(handle *netlink.Handle, node *Node, first bool) error {
	if loopback, err := handle.LinkByName("lo"); err != nil {
		return err
	} else if err := handle.LinkSetUp(loopback); err != nil {
		return err
	}
	name := "eth0"
	if first {
		name = bridge
	}
	link, err := handle.LinkByName(name)
	if err != nil {
		return err
	}
	own, err := netlink.ParseAddr(node.Address)
	if err != nil {
		return err
	}
	if err := handle.AddrAdd(link, own); err != nil {
		return err
	}
	if err := handle.LinkSetUp(link); err != nil {
		return err
	}
	_, everything, _ := net.ParseCIDR("0.0.0.0/0")
	index := link.Attrs().Index
	if err := handle.RouteAdd(&netlink.Route{LinkIndex: index, Dst: everything, Scope: netlink.SCOPE_LINK}); err != nil {
		return err
	}
	for _, route := range node.Routes {
		_, to, err := net.ParseCIDR(route.To)
		if err != nil {
			return err
		}
		if err := handle.RouteAdd(&netlink.Route{LinkIndex: index, Dst: to, Gw: net.ParseIP(route.Via)}); err != nil {
			return err
		}
	}
	return nil
}
