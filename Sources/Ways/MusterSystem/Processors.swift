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
        guard let groups = text(of: "/proc/self/cgroup"), let mounts = text(of: "/proc/self/mountinfo") else {
            return nil
        }
        return quota(groups: groups, mounts: mounts, text)
    }

    private static func text(of path: String) -> String? {
        readWhole(path).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension Processors {
    /// Processors' worth of time that the control groups leave, by the tightest of them and of those above; nil: no limit.
    ///
    /// `groups` is /proc/self/cgroup, `mounts` /proc/self/mountinfo, of version 1 (cpu.cfs_quota_us), 2 (cpu.max), or both at once.
    static func quota(groups: String, mounts: String, _ read: (String) -> String?) -> Double? {
        let points = mounts.split(separator: "\n").compactMap { GroupMount($0) }
        var least: Double?
        for line in groups.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isUnified = parts[0] == "0" && parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains("cpu"),
                let point = points.first(where: { $0.isUnified == isUnified })
            else { continue }
            for folder in point.folders(of: String(parts[2])) {
                let quota = isUnified ? unifiedQuota(folder, read) : classicQuota(folder, read)
                if let quota { least = min(least ?? quota, quota) }
            }
        }
        return least
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

    /// Where a hierarchy that counts processors is mounted: a line of mountinfo, proc(5).
    private struct GroupMount {
        let isUnified: Bool
        /// The group that is seen at `point`.
        private let root: String
        private let point: String

        init?(_ line: Substring) {
            let halves = line.split(separator: " - ", maxSplits: 1)
            guard halves.count == 2 else { return nil }
            let (place, kind) = (halves[0].split(separator: " "), halves[1].split(separator: " "))
            guard place.count >= 5, kind.count >= 3 else { return nil }
            isUnified = kind[0] == "cgroup2"
            guard isUnified || (kind[0] == "cgroup" && kind[2].split(separator: ",").contains("cpu")) else {
                return nil
            }
            (root, point) = (Self.plain(place[3]), Self.plain(place[4]))
        }

        /// Blanks and backslashes are written as octal numbers there.
        private static func plain(_ text: Substring) -> String {
            String(text).replacing("\\040", with: " ").replacing("\\134", with: "\\")
        }

        /// The group's folder and those above it, as far as they are seen. A group outside of what is mounted shows as `/..`: then
        /// only what is mounted is known.
        func folders(of group: String) -> [String] {
            var path = group
            if root != "/" {
                path = path == root ? "/" : path.hasPrefix(root + "/") ? String(path.dropFirst(root.count)) : "/"
            }
            var parts = path.split(separator: "/")
            if parts.contains("..") { parts = [] }
            return (0...parts.count).map { point + parts.prefix($0).map { "/" + $0 }.joined() }
        }
    }
}
