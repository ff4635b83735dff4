import Testing

@testable import MusterSystem

/// What a worker says that it has, where nobody tells it.
@Suite struct MemoryAndCardsTests {
    private static let unified = "25 1 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    private static let classic =
        "30 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        + "31 25 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"

    static let limits: [(groups: String, mounts: String, files: [String: String], limit: Int?)] = [
        ("0::/\n", unified, ["/sys/fs/cgroup/memory.max": "max\n"], nil), ("", "", [:], nil),
        (
            "0::/a/b\n", unified,
            ["/sys/fs/cgroup/a/b/memory.max": "max\n", "/sys/fs/cgroup/a/memory.max": "1048576\n"], 1 << 20
        ),
        (
            "5:memory:/x\n4:cpu:/y\n", classic,
            [
                "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "4096\n",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "/sys/fs/cgroup/cpu/y/memory.limit_in_bytes": "1\n",
            ], 4_096
        ),
    ]

    @Test(arguments: limits) func theTightestGroupCounts(
        _ one: (groups: String, mounts: String, files: [String: String], limit: Int?)
    ) {
        #expect(SystemMemory.limit(groups: one.groups, mounts: one.mounts) { one.files[$0] } == one.limit)
    }

    @Test func thereIsSomeMemory() { #expect(SystemMemory.usable > 1 << 20) }

    static let cards: [(visible: String?, devices: [String], numbers: [Int])] = [
        (nil, ["null", "nvidia0", "nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "nvidia"], [0, 2, 10]),
        (nil, [], []), ("", ["nvidia0"], []), ("1, 3", ["nvidia0"], [1, 3]), ("2,-1,4", [], [2]), ("GPU-1a2b", [], []),
    ]

    @Test(arguments: cards) func cardsAreFound(_ one: (visible: String?, devices: [String], numbers: [Int])) {
        #expect(GraphicsCards.usable(visible: one.visible, devices: one.devices) == one.numbers)
    }
}
