package cloud

import (
	"os"
	"os/user"
)

// who makes things, in words: USER@MACHINE, or in a pipeline its run.
func who(getenv func(string) string) string {
	for _, ci := range [][2]string{{"GITHUB_ACTOR", "github"}, {"BUILD_REQUESTEDFOREMAIL", "pipelines"}, {"GITLAB_USER_LOGIN", "gitlab"}} {
		if actor := getenv(ci[0]); actor != "" {
			return actor + " (" + ci[1] + ")"
		}
	}
	name := "somebody"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if machine, err := os.Hostname(); err == nil {
		name += "@" + machine
	}
	return name
}

// Who makes things, in words.
func (c *Cloud) Who() string { return who(c.options.Getenv) }
