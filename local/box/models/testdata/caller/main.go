// Command caller is what the tests run in a box that may call models: a program that
// calls them by the variables that it finds, or abuses what is there.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1], append(os.Args[2:], "", "")); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func run(what string, args []string) error {
	switch what {
	case "chat": // MODEL [MAX_TOKENS]: by AZURE_OPENAI_ENDPOINT
		return chat(os.Getenv("AZURE_OPENAI_ENDPOINT")+"openai/deployments/"+args[0]+"/chat/completions?api-version="+os.Getenv("OPENAI_API_VERSION"), args, nil)
	case "openai": // MODEL [MAX_TOKENS]: by OPENAI_BASE_URL
		return chat(os.Getenv("OPENAI_BASE_URL")+"chat/completions", args, nil)
	case "lie": // MODEL: as if another had asked, who may more
		return chat(os.Getenv("OPENAI_BASE_URL")+"chat/completions", args, map[string]string{"Envctl-App": "api", "Envctl-Models": args[0]})
	case "list":
		r, err := http.NewRequest(http.MethodGet, os.Getenv("OPENAI_BASE_URL")+"models", nil)
		if err != nil {
			return err
		}
		return send(r)
	case "token":
		text, err := token()
		fmt.Print(text)
		return err
	case "with": // TOKEN MODEL: the token of another box
		return post(os.Getenv("OPENAI_BASE_URL")+"chat/completions", args[0], args[1], "16", nil)
	case "hangup": // MODEL: after the first of a stream
		return hangup(args[0])
	case "crowd": // N connections at a time that say nothing, 10,000 altogether
		return crowd(args[0])
	case "deaf": // MODEL: ask for much and read nothing of it
		return deaf(args[0])
	case "noise":
		return noise()
	case "helper": // SIGNAL to what carries the connections
		pid, err := helper()
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(args[0])
		return errors.Join(err, syscall.Kill(pid, syscall.Signal(n)))
	case "tap": // write to the stream that what carries the connections has
		pid, err := helper()
		if err != nil {
			return err
		}
		out, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/1", pid), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = out.Write(make([]byte, 1000))
		return err
	case "env":
		for _, name := range args {
			fmt.Print(os.Getenv(name), " ")
		}
		return nil
	}
	return fmt.Errorf("unknown: %s", what)
}

func token() (string, error) {
	r, err := http.NewRequest(http.MethodGet, os.Getenv("IDENTITY_ENDPOINT")+
		"?api-version=2019-08-01&resource=https://cognitiveservices.azure.com&client_id="+os.Getenv("AZURE_CLIENT_ID"), nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("X-IDENTITY-HEADER", os.Getenv("IDENTITY_HEADER"))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("no token: %d %s %w", response.StatusCode, text, err)
	}
	var got struct {
		Token string `json:"access_token"`
	}
	err = json.Unmarshal(text, &got)
	return got.Token, err
}

func chat(address string, args []string, header map[string]string) error {
	shown, err := token()
	if err != nil {
		return err
	}
	return post(address, shown, args[0], args[1], header)
}

// request is one for a model; limit is the most tokens of its answer, 16 where there is none.
func request(ctx context.Context, address, shown, model, limit string, stream bool, content string) (*http.Request, error) {
	most, err := strconv.Atoi(cmp.Or(limit, "16"))
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{
		"model": model, "max_tokens": most, "stream": stream, "messages": []map[string]string{{"role": "user", "content": content}},
	})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+shown)
	return r, nil
}

func post(address, shown, model, limit string, header map[string]string) error {
	r, err := request(context.Background(), address, shown, model, limit, false, "hello box")
	if err != nil {
		return err
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	return send(r)
}

// send prints the answer's status and its content.
func send(r *http.Request) error {
	if r.Header.Get("Authorization") == "" {
		shown, err := token()
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+shown)
	}
	client := http.Client{Timeout: time.Minute}
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	fmt.Printf("%d %s", response.StatusCode, text)
	return err
}

func hangup(model string) error {
	shown, err := token()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := request(ctx, os.Getenv("OPENAI_BASE_URL")+"chat/completions", shown, model, "", true, "hello box")
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	line, err := bufio.NewReader(response.Body).ReadString('\n')
	fmt.Print(response.StatusCode, line)
	return err
}

func crowd(at string) error {
	n, err := strconv.Atoi(at)
	if err != nil {
		return err
	}
	held, made := make([]net.Conn, n), 0
	for i := range 10_000 {
		if old := held[i%n]; old != nil {
			_ = old.Close()
		}
		conn, err := net.DialTimeout("tcp", "127.0.0.1:443", time.Second)
		if err != nil {
			held[i%n] = nil
			continue
		}
		held[i%n] = conn
		made++
	}
	fmt.Println(made, "made")
	time.Sleep(time.Hour)
	return nil
}

func deaf(model string) error {
	shown, err := token()
	if err != nil {
		return err
	}
	for range 40 {
		go func() {
			r, err := request(context.Background(), os.Getenv("OPENAI_BASE_URL")+"chat/completions", shown, model, "4000000", true, strings.Repeat("words ", 50_000))
			if err != nil {
				return
			}
			conn, err := tls.Dial("tcp", r.URL.Host+":443", nil)
			if err != nil {
				return
			}
			_ = r.Write(conn) // and not a byte of the answer is read
		}()
	}
	time.Sleep(2 * time.Second)
	fmt.Println("asked")
	time.Sleep(time.Hour)
	return nil
}

func noise() error {
	var group sync.WaitGroup
	for _, port := range []string{"443", "4141"} {
		for _, text := range []string{"\x00\x01\x02\x03", strings.Repeat("\xff", 1<<20), "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff" + strings.Repeat("A", 70000)} {
			conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, 5*time.Second)
			if err != nil {
				return err
			}
			group.Go(func() {
				_ = conn.SetDeadline(time.Now().Add(15 * time.Second))
				_, _ = io.WriteString(conn, text)
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			})
		}
	}
	group.Wait()
	return nil
}

// helper is the process that carries the connections.
func helper() (int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if line, err := os.ReadFile("/proc/" + e.Name() + "/cmdline"); err == nil && bytes.HasPrefix(line, []byte("/.envctl/hold\x00listen")) {
			return pid, nil
		}
	}
	return 0, errors.New("nothing carries connections")
}
