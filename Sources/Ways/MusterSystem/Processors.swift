internal import CSystem
internal import Glibc

/// How many processors this process may keep busy: what a default that counts processors is made of.
package enum Processors {
    /// The lesser of those it may run on (sched_setaffinity(2)) and its control groups' quota, rounded up; at least 1.
    package static var usable: Int { usable(allowed: allowed(), quota: ownQuota()) }

    static func usable(allowed: Int, quota: Double?) -> Int {
        max(1, min(allowed, quota.map { Int(min($0, 1e9).rounded(.up)) } ?? allowed))
    }

    /// Those that the system lets this process run on; where it does not tell, those that are online.
    private static func allowed() -> Int {
        let count = Int(muster_allowed_processors())
        return count > 0 ? count : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    private static func ownQuota() -> Double? {
        ControlGroups.texts.flatMap { quota(groups: $0.groups, mounts: $0.mounts, ControlGroups.text) }
    }
}

extension Processors {
    /// Processors' worth of time that the control groups leave, by the tightest of them and of those above; nil: no limit.
    ///
    /// `groups` is /proc/self/cgroup, `mounts` /proc/self/mountinfo, of version 1 (cpu.cfs_quota_us), 2 (cpu.max), or both at once.
    static func quota(groups: String, mounts: String, _ read: (String) -> String?) -> Double? {
        ControlGroups.folders(counting: "cpu", groups: groups, mounts: mounts).compactMap {
            $0.isUnified ? unifiedQuota($0.path, read) : classicQuota($0.path, read)
        }.min()
    }

    /// `cpu.max` holds microseconds in a period, or `max`, and the period.
    private static func unifiedQuota(_ folder: String, _ read: (String) -> String?) -> Double? {
        let words = (read(folder + "/cpu.max") ?? "").split(whereSeparator: \.isWhitespace)
        guard words.count == 2 else { return nil }
        return share(words[0], of: words[1])
    }

    private static func classicQuota(_ folder: String, _ read: (String) -> String?) -> Double? {
        guard let quota = read(folder + "/cpu.cfs_quota_us"), let period = read(folder + "/cpu.cfs_period_us") else {
            return nil
        }
        return share(quota.prefix { !$0.isWhitespace }, of: period.prefix { !$0.isWhitespace })
    }

    /// Nil for `max` and -1, which set no limit.
    private static func share(_ quota: Substring, of period: Substring) -> Double? {
        guard let quota = Double(quota), let period = Double(period), quota > 0, period > 0 else { return nil }
        return quota / period
    }
}
