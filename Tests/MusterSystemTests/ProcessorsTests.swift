import Testing

@testable import MusterSystem

/// How many processors a default counts.
@Suite struct ProcessorsTests {
    private static let unified = "25 1 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    private static let classic =
        "30 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        + "31 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"

    struct Case: Sendable, CustomStringConvertible {
        var description: String
        var groups: String
        var mounts: String
        var files: [String: String]
        var quota: Double?
    }

    static let cases: [Case] = [
        Case(
            description: "version 2 without a limit", groups: "0::/\n", mounts: unified,
            files: ["/sys/fs/cgroup/cpu.max": "max 100000\n"], quota: nil),
        Case(
            description: "version 2 in a container", groups: "0::/\n", mounts: unified,
            files: ["/sys/fs/cgroup/cpu.max": "150000 100000\n"], quota: 1.5),
        Case(
            description: "the tightest of a group and those above it", groups: "0::/user.slice/job.scope\n",
            mounts: unified,
            files: [
                "/sys/fs/cgroup/user.slice/job.scope/cpu.max": "800000 100000\n",
                "/sys/fs/cgroup/user.slice/cpu.max": "250000 100000\n", "/sys/fs/cgroup/cpu.max": "max 100000",
            ], quota: 2.5),
        Case(
            description: "version 1", groups: "5:memory:/a\n4:cpu,cpuacct:/a\n", mounts: classic,
            files: [
                "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "50000\n",
                "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
                "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            ], quota: 0.5),
        Case(
            description: "version 1 without a limit", groups: "4:cpu,cpuacct:/\n", mounts: classic,
            files: [
                "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            ], quota: nil),
        Case(
            description: "both at once: the lesser", groups: "4:cpu,cpuacct:/\n0::/\n", mounts: unified + classic,
            files: [
                "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000",
                "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000", "/sys/fs/cgroup/cpu.max": "700000 100000",
            ], quota: 3),
        Case(
            description: "a container that sees the host's name of its group", groups: "4:cpu:/docker/abc\n",
            mounts: "31 25 0:28 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
            files: [
                "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            ], quota: 2),
        Case(
            description: "a group outside of what is mounted", groups: "0::/../other\n", mounts: unified,
            files: ["/sys/fs/cgroup/cpu.max": "400000 100000"], quota: 4),
        Case(description: "nothing to be read", groups: "", mounts: "", files: [:], quota: nil),
        Case(
            description: "nonsense", groups: "0::/\nx\n", mounts: unified, files: ["/sys/fs/cgroup/cpu.max": "0 0"],
            quota: nil),
    ]

    @Test(arguments: cases) func quotasAreFound(_ one: Case) {
        #expect(Processors.quota(groups: one.groups, mounts: one.mounts) { one.files[$0] } == one.quota)
    }

    @Test(
        arguments: [
            (64, nil, 64), (64, 1.0, 1), (64, 1.5, 2), (64, 0.5, 1), (2, 8.0, 2), (64, 0.01, 1), (0, nil, 1),
            (4, 1e300, 4),
        ] as [(Int, Double?, Int)])
    func theLesserCounts(allowed: Int, quota: Double?, usable: Int) {
        #expect(Processors.usable(allowed: allowed, quota: quota) == usable)
    }

    /// Whatever the machine that runs this has.
    @Test func thisProcessMayUseSome() { #expect(Processors.usable >= 1) }
}
