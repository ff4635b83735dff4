/// Where this process's control groups are, cgroups(7): of version 1, 2, or both at once.
enum ControlGroups {
    /// /proc/self/cgroup and /proc/self/mountinfo; nil where the system has no such files.
    static var texts: (groups: String, mounts: String)? {
        guard let groups = text("/proc/self/cgroup"), let mounts = text("/proc/self/mountinfo") else { return nil }
        return (groups, mounts)
    }

    static func text(_ path: String) -> String? { readWhole(path).map { String(decoding: $0, as: UTF8.self) } }

    /// The folders of this process's groups and of those above them that limit what `controller` counts (`cpu`, `memory`).
    static func folders(counting controller: String, groups: String, mounts: String) -> [(
        path: String, isUnified: Bool
    )] {
        let points = mounts.split(separator: "\n").compactMap { GroupMount($0, of: controller) }
        var found: [(path: String, isUnified: Bool)] = []
        for line in groups.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isUnified = parts[0] == "0" && parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains(controller[...]),
                let point = points.first(where: { $0.isUnified == isUnified })
            else { continue }
            found += point.folders(of: String(parts[2])).map { ($0, isUnified) }
        }
        return found
    }

    /// Where a hierarchy that counts it is mounted: a line of mountinfo, proc(5).
    private struct GroupMount {
        let isUnified: Bool
        /// The group that is seen at `point`.
        private let root: String
        private let point: String

        init?(_ line: Substring, of controller: String) {
            let halves = line.split(separator: " - ", maxSplits: 1)
            guard halves.count == 2 else { return nil }
            let (place, kind) = (halves[0].split(separator: " "), halves[1].split(separator: " "))
            guard place.count >= 5, kind.count >= 3 else { return nil }
            isUnified = kind[0] == "cgroup2"
            guard isUnified || (kind[0] == "cgroup" && kind[2].split(separator: ",").contains(controller[...])) else {
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
