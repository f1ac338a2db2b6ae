package provider

import "reflect"

// containerInputs are the inputs of docker.Container that this provider acts on.
// The zero value of a field is what the official schema does when the property
// is left out, except for the pointers. Sizes are in MiB.
type containerInputs struct {
	Attach              bool              `pulumi:"attach,optional"`
	Capabilities        *capabilities     `pulumi:"capabilities,optional"`
	CgroupParent        string            `pulumi:"cgroupParent,optional"`
	CgroupnsMode        string            `pulumi:"cgroupnsMode,optional"`
	Command             []string          `pulumi:"command,optional"`
	CPUPeriod           int64             `pulumi:"cpuPeriod,optional"`
	CPUQuota            int64             `pulumi:"cpuQuota,optional"`
	CPUSet              string            `pulumi:"cpuSet,optional"`
	CPUShares           int64             `pulumi:"cpuShares,optional"`
	Cpus                string            `pulumi:"cpus,optional"`
	DestroyGraceSeconds int               `pulumi:"destroyGraceSeconds,optional"`
	Devices             []deviceInput     `pulumi:"devices,optional"`
	DNS                 []string          `pulumi:"dns,optional"`
	DNSOpts             []string          `pulumi:"dnsOpts,optional"`
	DNSSearches         []string          `pulumi:"dnsSearches,optional"`
	Domainname          string            `pulumi:"domainname,optional"`
	Entrypoints         []string          `pulumi:"entrypoints,optional"`
	Envs                []string          `pulumi:"envs,optional"`
	Gpus                string            `pulumi:"gpus,optional"`
	GroupAdds           []string          `pulumi:"groupAdds,optional"`
	Healthcheck         *healthcheck      `pulumi:"healthcheck,optional"`
	Hostname            string            `pulumi:"hostname,optional"`
	Hosts               []hostInput       `pulumi:"hosts,optional"`
	Image               string            `pulumi:"image"`
	Init                *bool             `pulumi:"init,optional"`
	IpcMode             string            `pulumi:"ipcMode,optional"`
	Labels              []label           `pulumi:"labels,optional"`
	LogDriver           string            `pulumi:"logDriver,optional"`
	LogOpts             map[string]string `pulumi:"logOpts,optional"`
	Logs                bool              `pulumi:"logs,optional"`
	MaxRetryCount       int               `pulumi:"maxRetryCount,optional"`
	Memory              float64           `pulumi:"memory,optional"`
	MemoryReservation   float64           `pulumi:"memoryReservation,optional"`
	MemorySwap          float64           `pulumi:"memorySwap,optional"` // -1: unlimited
	Mounts              []mountInput      `pulumi:"mounts,optional"`
	MustRun             *bool             `pulumi:"mustRun,optional"` // nil: true
	Name                string            `pulumi:"name,optional"`
	NetworkMode         string            `pulumi:"networkMode,optional"`
	NetworksAdvanced    []networkAttach   `pulumi:"networksAdvanced,optional"`
	PidMode             string            `pulumi:"pidMode,optional"`
	Ports               []portInput       `pulumi:"ports,optional"`
	Privileged          bool              `pulumi:"privileged,optional"`
	PublishAllPorts     bool              `pulumi:"publishAllPorts,optional"`
	ReadOnly            bool              `pulumi:"readOnly,optional"`
	RemoveVolumes       *bool             `pulumi:"removeVolumes,optional"` // nil: true
	Restart             string            `pulumi:"restart,optional"`
	Rm                  bool              `pulumi:"rm,optional"`
	Runtime             string            `pulumi:"runtime,optional"`
	SecurityOpts        []string          `pulumi:"securityOpts,optional"`
	ShmSize             int64             `pulumi:"shmSize,optional"`
	Start               *bool             `pulumi:"start,optional"` // nil: true
	StdinOpen           bool              `pulumi:"stdinOpen,optional"`
	StopSignal          string            `pulumi:"stopSignal,optional"`
	StopTimeout         *int              `pulumi:"stopTimeout,optional"`
	StorageOpts         map[string]string `pulumi:"storageOpts,optional"`
	Sysctls             map[string]string `pulumi:"sysctls,optional"`
	Tmpfs               map[string]string `pulumi:"tmpfs,optional"`
	Tty                 bool              `pulumi:"tty,optional"`
	Ulimits             []ulimitInput     `pulumi:"ulimits,optional"`
	User                string            `pulumi:"user,optional"`
	UsernsMode          string            `pulumi:"usernsMode,optional"`
	Volumes             []volumeAttach    `pulumi:"volumes,optional"`
	Wait                bool              `pulumi:"wait,optional"`
	WaitTimeout         int               `pulumi:"waitTimeout,optional"` // seconds, 0: 60
	WorkingDir          string            `pulumi:"workingDir,optional"`
}

type capabilities struct {
	Adds  []string `pulumi:"adds,optional"`
	Drops []string `pulumi:"drops,optional"`
}

type deviceInput struct {
	ContainerPath string `pulumi:"containerPath,optional"`
	HostPath      string `pulumi:"hostPath"`
	Permissions   string `pulumi:"permissions,optional"`
}

// healthcheck has durations of the form 1m30s.
type healthcheck struct {
	Interval      string   `pulumi:"interval,optional"`
	Retries       int      `pulumi:"retries,optional"`
	StartInterval string   `pulumi:"startInterval,optional"`
	StartPeriod   string   `pulumi:"startPeriod,optional"`
	Tests         []string `pulumi:"tests"`
	Timeout       string   `pulumi:"timeout,optional"`
}

type hostInput struct {
	Host string `pulumi:"host"`
	IP   string `pulumi:"ip"`
}

type networkAttach struct {
	Aliases     []string `pulumi:"aliases,optional"`
	Ipv4Address string   `pulumi:"ipv4Address,optional"`
	Ipv6Address string   `pulumi:"ipv6Address,optional"`
	MacAddress  string   `pulumi:"macAddress,optional"`
	Name        string   `pulumi:"name"` // name or id
}

type portInput struct {
	External int    `pulumi:"external,optional"` // 0: the engine chooses
	Internal int    `pulumi:"internal"`
	IP       string `pulumi:"ip,optional"`       // empty: 0.0.0.0
	Protocol string `pulumi:"protocol,optional"` // empty: tcp
}

type ulimitInput struct {
	Hard int64  `pulumi:"hard"`
	Name string `pulumi:"name"`
	Soft int64  `pulumi:"soft"`
}

type volumeAttach struct {
	ContainerPath string `pulumi:"containerPath,optional"`
	FromContainer string `pulumi:"fromContainer,optional"`
	HostPath      string `pulumi:"hostPath,optional"`
	ReadOnly      bool   `pulumi:"readOnly,optional"`
	VolumeName    string `pulumi:"volumeName,optional"`
}

type mountInput struct {
	BindOptions   *mountBind   `pulumi:"bindOptions,optional"`
	ReadOnly      bool         `pulumi:"readOnly,optional"`
	Source        string       `pulumi:"source,optional"`
	Target        string       `pulumi:"target"`
	TmpfsOptions  *mountTmpfs  `pulumi:"tmpfsOptions,optional"`
	Type          string       `pulumi:"type"`
	VolumeOptions *mountVolume `pulumi:"volumeOptions,optional"`
}

type mountBind struct {
	Propagation string `pulumi:"propagation,optional"`
}

type mountTmpfs struct {
	Mode      int   `pulumi:"mode,optional"`
	SizeBytes int64 `pulumi:"sizeBytes,optional"`
}

type mountVolume struct {
	DriverName    string            `pulumi:"driverName,optional"`
	DriverOptions map[string]string `pulumi:"driverOptions,optional"`
	Labels        []label           `pulumi:"labels,optional"`
	NoCopy        bool              `pulumi:"noCopy,optional"`
	Subpath       string            `pulumi:"subpath,optional"`
}

func containerSchema() schema {
	s := schema{
		inputs: reflect.TypeFor[containerInputs](),
		defaults: map[string]any{
			"start": true, "mustRun": true, "removeVolumes": true, "restart": "no",
			"networkMode": "bridge", "waitTimeout": 60.0,
		},
		changes:     map[string]change{},
		sets:        map[string]bool{},
		named:       true,
		deleteFirst: true,
		validate:    validateContainer,
	}
	for _, k := range []string{"memory", "memorySwap", "memoryReservation", "cpus", "cpuShares", "cpuSet", "cpuPeriod", "cpuQuota"} {
		s.changes[k] = updateSet
	}
	for _, k := range []string{"start", "restart", "maxRetryCount"} {
		s.changes[k] = update
	}
	for _, k := range []string{"wait", "waitTimeout", "destroyGraceSeconds", "removeVolumes", "mustRun"} {
		s.changes[k] = bookkeeper
	}
	for _, k := range []string{"labels", "envs", "adds", "drops", "securityOpts", "groupAdds", "hosts", "devices",
		"networksAdvanced", "aliases", "ports", "ulimits", "volumes", "mounts"} {
		s.sets[k] = true
	}
	return s
}

func isTrue(b *bool) bool { return b == nil || *b }

// shouldRun says whether a stopped container is one that has to be started: not
// one that is to be made only, nor one that runs to its end.
func (in containerInputs) shouldRun() bool {
	return isTrue(in.Start) && isTrue(in.MustRun) && !in.Attach && !in.Rm
}
