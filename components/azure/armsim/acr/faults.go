package acr

import "net/http"

// faulty gives requests of content the faults with Op pull or push: an error, or a
// connection that breaks, with Cut in the middle of what is sent.
func (a *Auth) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := "push"
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			op = "pull"
		}
		if r.Header.Get("Authorization") == "" {
			next.ServeHTTP(w, r) // only a challenge
			return
		}
		f := a.Faults.Match("Microsoft.ContainerRegistry/registries", op, a.Name)
		if f == nil {
			next.ServeHTTP(w, r)
			return
		}
		for key, value := range f.Headers {
			w.Header().Set(key, value)
		}
		if f.Status != 0 {
			answer(w, f.Status, map[string]any{"errors": []any{map[string]any{"code": f.Code, "message": f.Message}}})
			return
		}
		f.Serve(next, w, r)
	})
}
