// Probe is what the tests run in containers: `probe sleep`, `probe exit CODE`,
// `probe health FILE`, `probe touch FILE`, `probe eat MIB`, `probe env NAME`.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	arg := ""
	if len(os.Args) > 2 {
		arg = os.Args[2]
	}
	switch os.Args[1] {
	case "sleep":
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGTERM)
		<-c
	case "exit":
		code, _ := strconv.Atoi(arg)
		for i := range 30 {
			fmt.Println("line", i)
		}
		os.Exit(code)
	case "health":
		if _, err := os.Stat(arg); err != nil {
			fmt.Println("not yet:", arg)
			os.Exit(1)
		}
	case "touch":
		if err := os.WriteFile(arg, nil, 0o600); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		time.Sleep(time.Hour)
	case "eat": // after a moment: a kill before its start is through is no news
		time.Sleep(500 * time.Millisecond)
		n, _ := strconv.Atoi(arg)
		b := make([]byte, n<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		fmt.Println(len(b))
	case "env":
		fmt.Println(os.Getenv(arg))
	}
}
