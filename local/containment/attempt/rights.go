//go:build linux

package attempt

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rights are the rows about gaining rights over the kernel or the host.
func rights() []row { return slices.Concat(ownRights(), kernelRights(), hostRights()) }

// ownRights are about what a process is and sees.
func ownRights() []row {
	return []row{
		{"become-root", []try{
			{"setuid", func() error { return unix.Setuid(0) }},
			{"setresuid", func() error { return unix.Setresuid(0, 0, 0) }},
			{"setgid", func() error { return unix.Setgid(0) }},
			{"setgroups", func() error { return unix.Setgroups([]int{0}) }},
			{"set-uid program", setUID},
		}},
		{"capabilities", []try{
			{"have one", anyCapability},
			{"capset", capset},
			{"ambient set", func() error {
				return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_SYS_ADMIN, 0, 0)
			}},
		}},
		{"mount", []try{
			{"mount tmpfs", func() error { return mounted("none", "tmpfs", 0) }},
			{"bind", func() error { return mounted("/proc", "", unix.MS_BIND) }},
			{"fsopen", func() error { return opened(unix.Fsopen("tmpfs", 0)) }},
			{"open_tree", func() error { return opened(unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE)) }},
			{"pivot_root", func() error { return permitted(unix.PivotRoot("/tmp", "/tmp")) }},
			{"chroot", func() error { return unix.Chroot("/") }},
			{"unmount a mask", func() error { return permitted(unix.Unmount("/proc/keys", unix.MNT_DETACH)) }},
		}},
		{"remount", []try{
			{"remount the root", func() error { return unix.Mount("", "/", "", unix.MS_REMOUNT, "") }},
			{"remount the root as a bind", func() error { return unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, "") }},
			{"mount_setattr", func() error {
				return unix.MountSetattr(unix.AT_FDCWD, "/", 0, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY})
			}},
		}},
		{"user-namespaces", []try{
			{"user namespace", func() error { return inNamespaces(unix.CLONE_NEWUSER) }},
			{"with mounts and network", func() error { return inNamespaces(unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET) }},
			{"mount namespace", func() error { return inNamespaces(unix.CLONE_NEWNS) }},
		}},
	}
}

// kernelRights are about parts of the kernel that a sandbox has no use for.
func kernelRights() []row {
	return []row{
		{"kernel-modules", []try{
			{"init_module", func() error { return permitted(unix.InitModule(nil, "")) }},
			{"finit_module", func() error { return permitted(unix.FinitModule(-1, "", 0)) }},
			{"delete_module", func() error { return permitted(unix.DeleteModule("envctl_has_no_module", unix.O_NONBLOCK)) }},
		}},
		{"kernel-interfaces", []try{
			{"bpf", func() error { return bpf() }},
			{"perf_event_open", perf},
			{"userfaultfd", func() error { return raw(unix.SYS_USERFAULTFD, 0) }},
			{"open_by_handle_at", func() error {
				return permitted(opened(unix.OpenByHandleAt(unix.AT_FDCWD, unix.NewFileHandle(1, make([]byte, 8)), unix.O_RDONLY)))
			}},
			{"kexec_load", func() error { return permitted(raw(unix.SYS_KEXEC_LOAD, 0, 1<<20, 0, 1<<20)) }},
		}},
		{"io-uring", []try{{"io_uring_setup", uring}}},
		{"keyrings", []try{
			{"keyctl", func() error { _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false); return err }},
			{"add_key", func() error {
				_, err := unix.AddKey("user", "envctl-containment", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
				return err
			}},
		}},
		{"packet-sockets", []try{
			{"raw ICMP", func() error { return opened(unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)) }},
			{"raw IP", func() error { return opened(unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)) }},
			{"packet", func() error { return opened(unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0x0300)) }},
			{"packet, cooked", func() error { return opened(unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0x0300)) }},
		}},
	}
}

// hostRights are about what belongs to the host as a whole.
func hostRights() []row {
	return []row{
		{"host-control", []try{
			{"reboot", func() error { return permitted(raw(unix.SYS_REBOOT, 0, 0, 0)) }},
			{"swapon", func() error { return permitted(call(unix.SYS_SWAPON, "/none")) }},
			{"acct", func() error { return permitted(unix.Acct("/none")) }},
			{"set the clock", func() error { now := unix.NsecToTimeval(time.Now().UnixNano()); return unix.Settimeofday(&now) }},
			{"sethostname", func() error { return unix.Sethostname([]byte("escaped")) }},
		}},
		{"kernel-log", []try{{"syslog", func() error { _, err := unix.Klogctl(unix.SYSLOG_ACTION_READ_ALL, make([]byte, 4096)); return err }}}},
		{"devices", devices()},
		{"kernel-settings", writes("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname",
			"/proc/sys/vm/overcommit_memory", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/fs/binfmt_misc/register",
			"/proc/sysrq-trigger", "/proc/irq/default_smp_affinity", "/sys/kernel/uevent_helper", "/sys/module/kernel/parameters/panic")},
		{"control-groups", controlGroups()},
		{"runtime-binary", writes("/proc/self/exe", "/proc/1/exe", "/probe", "/sbin/docker-init")},
		{"engine-socket", []try{
			{"/var/run/docker.sock", exists("/var/run/docker.sock")}, {"/run/docker.sock", exists("/run/docker.sock")},
			{"/run/containerd/containerd.sock", exists("/run/containerd/containerd.sock")}, {"/run/podman/podman.sock", exists("/run/podman/podman.sock")},
		}},
	}
}

// mounted mounts over /tmp, and takes it away again.
func mounted(source, kind string, flags uintptr) error {
	if err := unix.Mount(source, "/tmp", kind, flags, ""); err != nil {
		return err
	}
	return unix.Unmount("/tmp", unix.MNT_DETACH)
}

func opened(fd int, err error) error {
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// raw makes a system call; a descriptor that it gives stays open, which does no harm.
func raw(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := unix.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

func call(number uintptr, path string) error {
	p, err := unix.BytePtrFromString(path)
	if err != nil {
		return err
	}
	return raw(number, uintptr(unsafe.Pointer(p)), 0)
}

func bpf() error {
	attr := [16]uint32{2, 4, 4, 1} // an array of one entry
	return raw(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&attr[0])), unsafe.Sizeof(attr))
}

// uring asks for a ring. Without the call, its errors cannot be reached either.
func uring() error {
	params := [30]uint32{}
	return raw(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params[0])))
}

func perf() error {
	attr := &unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Size: unix.PERF_ATTR_SIZE_VER0, Config: unix.PERF_COUNT_SW_CPU_CLOCK}
	return opened(unix.PerfEventOpen(attr, -1, 0, -1, 0)) // of every process on a processor
}

// inNamespaces starts a process in new namespaces, as root of its own where it has
// a user namespace.
func inNamespaces(flags uintptr) error {
	cmd := exec.Command("/proc/self/exe", "whoami")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	if flags&unix.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	var path *os.PathError
	err := cmd.Run()
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func setUID() error {
	out, err := exec.Command(SetUIDProgram, "whoami").CombinedOutput()
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(out)) != "0" {
		return errors.New("runs as user " + strings.TrimSpace(string(out)))
	}
	return nil
}

func anyCapability() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); strings.HasPrefix(name, "Cap") && strings.Trim(value, "0 \t") != "" {
			return nil
		}
	}
	return errors.New("all sets are empty")
}

// capset asks for one capability more than there are.
func capset() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[0].Effective |= 1 << unix.CAP_SYS_ADMIN
	data[0].Permitted |= 1 << unix.CAP_SYS_ADMIN
	return unix.Capset(&header, &data[0])
}
