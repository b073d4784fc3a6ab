package agent

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace without a name: only open files of this process hold it, so it and all
// that is in it (links, bridges, tables) end with the process, however the process ends.
type namespace struct {
	t    *testing.T
	file *os.File
}

func newNamespace(t *testing.T) *namespace {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	n := &namespace{t: t}
	var err error
	onOwnThread(func() {
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			n.file, err = os.Open("/proc/thread-self/ns/net")
		}
	})
	if err != nil {
		t.Fatalf("no network namespace: %v", err)
	}
	t.Cleanup(func() { n.file.Close() })
	n.ip("link set lo up")
	return n
}

// onOwnThread never unlocks its thread: the runtime ends it, so no other goroutine inherits the namespace.
func onOwnThread(work func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		work()
	}()
	<-done
}

// do runs work inside the namespace; sockets and processes that it starts stay there.
func (n *namespace) do(work func() error) error {
	var err error
	onOwnThread(func() {
		if err = unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err == nil {
			err = work()
		}
	})
	return err
}

func (n *namespace) start(command *exec.Cmd) error { return n.do(command.Start) }

func (n *namespace) run(input string, name string, args ...string) string {
	n.t.Helper()
	command := exec.Command(name, args...)
	command.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	var output strings.Builder
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &output, &output
	err := n.start(command)
	if err == nil {
		err = command.Wait()
	}
	if err != nil {
		n.t.Fatalf("%s %v: %v\n%s", name, args, err, output.String())
	}
	return output.String()
}

func (n *namespace) ip(args string) { n.t.Helper(); n.run("", "/sbin/ip", strings.Fields(args)...) }

func (n *namespace) sysctl(name, value string) {
	n.t.Helper()
	if err := n.do(func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0) }); err != nil {
		n.t.Fatal(err)
	}
}

// path names the namespace to ip(8).
func (n *namespace) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd()) }

// serve echoes what TCP clients and UDP datagrams send to a port, until the test ends.
func (n *namespace) serve(ports ...int) {
	n.t.Helper()
	for _, port := range ports {
		address := fmt.Sprintf(":%d", port)
		if err := n.do(func() error {
			listener, err := net.Listen("tcp", address)
			if err != nil {
				return err
			}
			packets, err := net.ListenPacket("udp", address)
			if err != nil {
				return err
			}
			n.t.Cleanup(func() { listener.Close(); packets.Close() })
			go echoStreams(listener)
			go echoPackets(packets)
			return nil
		}); err != nil {
			n.t.Fatal(err)
		}
	}
}

func echoStreams(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer connection.Close()
			buffer := make([]byte, 64)
			for {
				count, err := connection.Read(buffer)
				if err != nil {
					return
				}
				_, _ = connection.Write(buffer[:count])
			}
		}()
	}
}

func echoPackets(packets net.PacketConn) {
	buffer := make([]byte, 64)
	for {
		count, sender, err := packets.ReadFrom(buffer)
		if err != nil {
			return
		}
		_, _ = packets.WriteTo(buffer[:count], sender)
	}
}

// patience bounds one attempt. A refused packet is dropped, so only time tells; it is short because an attempt
// that should succeed is repeated.
const patience = 400 * time.Millisecond

// dial connects from the namespace; from may be empty or one of its addresses.
func (n *namespace) dial(network, from, to string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: patience}
	if from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	var connection net.Conn
	err := n.do(func() (err error) {
		connection, err = dialer.Dial(network, to)
		return err
	})
	return connection, err
}

// exchange sends a word and waits for its echo.
func exchange(connection net.Conn) error {
	_ = connection.SetDeadline(time.Now().Add(patience))
	if _, err := connection.Write([]byte("hello")); err != nil {
		return err
	}
	_, err := connection.Read(make([]byte, 64))
	return err
}

func (n *namespace) reaches(network, from, to string) bool {
	connection, err := n.dial(network, from, to)
	if err != nil {
		return false
	}
	defer connection.Close()
	return exchange(connection) == nil
}

// eventually polls a condition with a deadline far beyond what it needs.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("not within 30 s: %s", what)
}
