// An echo server on Go's net package: a goroutine for each connection. TCP_NODELAY is on by itself.
package main

import (
	"fmt"
	"net"
)

func echo(connection net.Conn) {
	defer connection.Close()
	// Not io.Copy: between sockets it splices through a pipe, which costs two more syscalls per
	// message.
	buffer := make([]byte, 65536)
	for {
		count, err := connection.Read(buffer)
		if err != nil {
			return
		}
		if _, err := connection.Write(buffer[:count]); err != nil {
			return
		}
	}
}

func main() {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("listening on", server.Addr())
	for {
		connection, err := server.Accept()
		if err != nil {
			panic(err)
		}
		go echo(connection)
	}
}
