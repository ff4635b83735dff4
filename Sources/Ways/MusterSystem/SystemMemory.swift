internal import CSystem
internal import Glibc

/// The memory of this process and of this machine, as the system counts it.
package enum SystemMemory {
    /// What was freed after a rush goes back to the system: the allocator would keep it. Takes a millisecond or so.
    package static func giveBack() { muster_give_back_memory() }

    /// Bytes that this process and what it starts may have: the machine's, or what its control groups leave of them.
    package static var usable: Int {
        let whole = max(0, sysconf(Int32(_SC_PHYS_PAGES))) * max(0, sysconf(Int32(_SC_PAGESIZE)))
        guard let (groups, mounts) = ControlGroups.texts,
            let limit = limit(groups: groups, mounts: mounts, ControlGroups.text)
        else { return whole }
        return min(whole, limit)
    }

    /// By the tightest of this process's control groups and of those above, of version 1 (memory.limit_in_bytes), 2 (memory.max), or
    /// both at once; nil: no limit.
    static func limit(groups: String, mounts: String, _ read: (String) -> String?) -> Int? {
        ControlGroups.folders(counting: "memory", groups: groups, mounts: mounts).compactMap { folder in
            // `max` is no number, and sets no limit.
            read(folder.path + (folder.isUnified ? "/memory.max" : "/memory.limit_in_bytes"))
                .flatMap { Int($0.prefix { !$0.isWhitespace }) }
        }.min()
    }
}
