// Forward accepts TCP connections on one address and passes their bytes to another:
//
//	forward <listen address> <target address>
//
// The lab's door: the host's loopback on one side, the gateway's Service in the cluster on the other.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: forward <listen address> <target address>")
		os.Exit(2)
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("forwarding %s to %s", os.Args[1], os.Args[2])
	serve(listener, os.Args[2])
}

func serve(listener net.Listener, target string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Print(err)
			// Out of file descriptors, most likely: they come back as connections end.
			time.Sleep(100 * time.Millisecond)
			continue
		}
		go pass(client.(*net.TCPConn), target)
	}
}

func pass(client *net.TCPConn, target string) {
	defer client.Close()
	dialled, err := net.DialTimeout("tcp", target, 10*time.Second)
	if err != nil {
		log.Print(err)
		return
	}
	server := dialled.(*net.TCPConn)
	defer server.Close()
	done := make(chan struct{}, 2)
	half := func(to, from *net.TCPConn) {
		io.Copy(to, from)
		// Only this direction has ended: the other side may still have an answer to send.
		to.CloseWrite()
		done <- struct{}{}
	}
	go half(server, client)
	go half(client, server)
	<-done
	<-done
}
