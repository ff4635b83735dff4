import Glibc
import MusterAPI
import MusterTestKit
import Testing

/// A coordinator that is the first process of its container: orphans there are left to it.
@Suite(.timeLimit(.minutes(3)), .enabled(if: geteuid() == 0, "needs root to make a namespace of processes"))
struct FirstProcessTests {
    private struct Entry {
        var pid: Int32
        var parent: Int32
        var isZombie: Bool
    }

    /// All processes of this machine. proc(5).
    private static func processes() -> [Entry] {
        var found: [Entry] = []
        guard let folder = opendir("/proc") else { return found }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = Int32(name), let file = fopen("/proc/\(pid)/stat", "re") else { continue }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let text = String(decoding: bytes[..<fread(&bytes, 1, bytes.count, file)], as: UTF8.self)
            // Behind the program's name, which may hold anything.
            let words = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
            guard words.count > 2, let parent = Int32(words[2]) else { continue }
            found.append(Entry(pid: pid, parent: parent, isZombie: words[1] == "Z"))
        }
        return found
    }

    @Test func theDeadOfOthersAreWaitedFor() async throws {
        // What a child leaves behind is dead when it ends itself, and nobody has waited for it.
        let command = "for i in 1 2 3; do setsid sleep 600 & done; echo 5"
        try await Fleet.run(
            flags: ["--child-command", command], limits: "set -- unshare --pid --fork --mount-proc --kill-child \"$@\""
        ) { fleet in
            _ = try await fleet.createChildren(4)
            #expect(try await fleet.childrensEnd().childrenDone == 4)
            let first = try #require(Self.processes().first { $0.parent == fleet.coordinator.pid })
            try await eventually("no dead process is left") {
                !Self.processes().contains { $0.parent == first.pid && $0.isZombie }
            }
            // Its own children's ends are told as ever.
            _ = try await fleet.createChildren(2)
            #expect(try await fleet.childrensEnd().childrenDone == 6)
            #expect(try await fleet.progress().childrenDied == 0)
        }
    }
}
