package cli

import "time"

// defaultLockWait is how long an operation waits for another one on the same
// experiment: longer than an up of a small sandbox, shorter than a build.
const defaultLockWait = 30 * time.Second

// lockWait is ENVCTL_LOCK_WAIT, 0s for not at all, or the default.
func lockWait(getenv func(string) string) (time.Duration, error) {
	const variable = "ENVCTL_LOCK_WAIT"
	value := getenv(variable)
	if value == "" {
		return defaultLockWait, nil
	}
	wait, err := time.ParseDuration(value)
	if err != nil || wait < 0 {
		p := usage("give a time such as 0s, 30s or 10m, or unset "+variable, "%s %q is not a time to wait", variable, value)
		p.path = variable
		return 0, p
	}
	return wait, nil
}
